import { expect, it } from 'vitest';
import { inScriptWords } from '../../../../cli/recover/script-words.ts';
import { Recording } from '../support/recording.ts';

it.each([
  ['Choose a time within that range, or: target_time=latest', 'Choose a time within that range, or: latest'],
  [
    'To stop right after the last commit: target_lsn=0/B15D918',
    'To stop right after the last commit: lsn:0/B15D918',
  ],
  ['Name one of them: -e target=db1', 'Name one of them: --target db1'],
  ['If you mean it: -e allow_leader=true', 'If you mean it: --allow-leader'],
  [
    'Go on with it: pitr play cutover.yml -i prod.yml -e target=db2',
    'Go on with it: pitr play cutover.yml -i prod.yml -e target=db2',
  ],
])('who typed pitr recover reads %j as %j', (written, read) => {
  const error = { kind: 'refused', code: 'some', message: 'no', next: [written] } as const;
  const [event] = new Recording().end('failed', {}, { error }).events.map(inScriptWords);
  expect(event).toMatchObject({ error: { ...error, next: [read] } });
});
