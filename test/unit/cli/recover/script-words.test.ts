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
  ['Name one of them: -e prepare_for=db1', 'Name one of them: --for db1'],
  ['Prepare the files on that node: -e prepare_on=db1', 'Prepare the files on that node: --prepare-on db1'],
  // With -e these two would contradict what was typed, or go unsaid.
  [
    'Choose a backup on its timeline, or have one chosen: backup=auto',
    'Choose a backup on its timeline, or have one chosen: auto',
  ],
  ['If you accept that: accept_gap=true', 'If you accept that: --accept-gap'],
  [
    'To recover to the end of timeline 1 instead: timeline=1',
    'To recover to the end of timeline 1 instead: -e timeline=1',
  ],
  [
    'Or recover to the end of timeline 1: -e timeline=1',
    'Or recover to the end of timeline 1: -e timeline=1',
  ],
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
