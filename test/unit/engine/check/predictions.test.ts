import { describe, expect, it } from 'vitest';
import { Unknown } from '../../../../lib/base/values/unknown.ts';
import type { Resource } from '../../../../lib/contract/host.ts';
import { type Prediction, predicted } from '../../../../lib/contract/resource.ts';
import { Predictions } from '../../../../lib/engine/check/predictions.ts';
import { ABSENT, type PathState, pathResource } from '../../../../lib/system/fs/path-resource.ts';

const directory: PathState = {
  kind: 'directory',
  mode: 0o700,
  owner: 'postgres',
  group: 'postgres',
  size: 0,
  mtime: 0,
};
const move = (from: string, to: string): Prediction => ({ kind: 'path', moved: { from, to } });

function predicting(...predictions: readonly Prediction[]): Predictions {
  const all = new Predictions();
  for (const prediction of predictions) all.add('db2', prediction);
  return all;
}

const seen = (predictions: Predictions, path: string, host = 'db2'): unknown =>
  predictions.foresee(host, pathResource, path);

describe('what check mode knows of paths', () => {
  it('what no task touched is looked up where it is', () => {
    expect(seen(predicting(), '/data')).toEqual({ liveAt: '/data' });
    expect(seen(predicting(predicted(pathResource, '/data', directory)), '/data', 'db3')).toEqual({
      liveAt: '/data',
    });
  });

  it('what lies in a directory that would be created empty is absent', () => {
    const predictions = predicting(predicted(pathResource, '/new', directory, 'absent'));
    expect(seen(predictions, '/new')).toEqual({ state: directory });
    expect(seen(predictions, '/new/conf')).toEqual({ state: ABSENT });
  });

  it('what lies in a directory that would be restored is unknown', () => {
    const found = predicting(predicted(pathResource, '/data.pitr', directory, 'unknown')).foresee(
      'db2',
      pathResource,
      '/data.pitr/PG_VERSION',
    );
    expect(found).toEqual({ state: expect.any(Unknown) });
  });

  it('a directory that would be moved is looked up at its old place, and its old place is empty', () => {
    const predictions = predicting(move('/data', '/data.old'));
    expect(seen(predictions, '/data.old')).toEqual({ liveAt: '/data' });
    expect(seen(predictions, '/data.old/PG_VERSION')).toEqual({ liveAt: '/data/PG_VERSION' });
    expect(seen(predictions, '/data')).toEqual({ state: ABSENT });
    expect(seen(predictions, '/data/PG_VERSION')).toEqual({ state: ABSENT });
  });

  it('the swap of a recovery: live data aside, restored data in its place, a file written into it', () => {
    const file: PathState = { ...directory, kind: 'file', content: 'x' };
    const predictions = predicting(
      predicted(pathResource, '/data.pitr', directory, 'unknown'),
      predicted(pathResource, '/data.pitr/postgresql.auto.conf', file),
      move('/data', '/data.pre-pitr'),
      move('/data.pitr', '/data'),
    );
    expect(seen(predictions, '/data')).toEqual({ state: directory });
    expect(seen(predictions, '/data/postgresql.auto.conf')).toEqual({ state: file });
    expect(seen(predictions, '/data/PG_VERSION')).toEqual({ state: expect.any(Unknown) });
    expect(seen(predictions, '/data.pre-pitr/PG_VERSION')).toEqual({ liveAt: '/data/PG_VERSION' });
    expect(seen(predictions, '/data.pitr')).toEqual({ state: ABSENT });
  });

  it('what was moved twice is still looked up where it is today', () => {
    const predictions = predicting(move('/a', '/b'), move('/b', '/c'));
    expect(seen(predictions, '/c')).toEqual({ liveAt: '/a' });
    expect(seen(predictions, '/c/x')).toEqual({ liveAt: '/a/x' });
    expect(seen(predictions, '/b/x')).toEqual({ state: ABSENT });
  });

  it('a path moved out of a moved directory is found where it is today', () => {
    expect(seen(predicting(move('/a', '/b'), move('/b/x', '/y')), '/y')).toEqual({ liveAt: '/a/x' });
  });

  it('a prediction for another host is not for this one', () => {
    const predictions = predicting({ ...predicted(pathResource, '/data', directory), host: 'db3' });
    expect(seen(predictions, '/data')).toEqual({ liveAt: '/data' });
    expect(seen(predictions, '/data', 'db3')).toEqual({ state: directory });
    expect(predictions.any('db2')).toBe(false);
  });

  it('a look that depends on a directory is touched by a change of what holds it', () => {
    const predictions = predicting(move('/data', '/old'));
    expect(predictions.touches('db2', { kind: 'path', id: '/data/base' })).toBe(true);
    expect(predictions.touches('db2', { kind: 'path', id: '/other' })).toBe(false);
  });
});

describe("what check mode knows of a kind of somebody's own", () => {
  const vault: Resource<string> = {
    kind: 'vault',
    scope: 'host',
    tree: { absent: 'nothing' },
    read: () => Promise.reject(new Error('not read here')),
  };

  it('is a tree as paths are, by what its resource says of itself', () => {
    const predictions = predicting(predicted(vault, 'team/keys', 'full'), {
      kind: 'vault',
      moved: { from: 'team', to: 'old' },
    });
    const at = (id: string) => predictions.foresee('db2', vault, id);
    expect(at('old/keys')).toEqual({ state: 'full' });
    expect(at('old/other')).toEqual({ liveAt: 'team/other' });
    expect(at('team')).toEqual({ state: 'nothing' });
    expect(at('team/keys')).toEqual({ state: 'nothing' });
  });

  it('is one for all hosts where the resource says so', () => {
    const shared: Resource<string> = { ...vault, scope: 'run' };
    const predictions = predicting(predicted(shared, 'a', 'taken'));
    expect(predictions.foresee('db3', shared, 'a')).toEqual({ state: 'taken' });
  });
});
