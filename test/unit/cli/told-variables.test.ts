import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isToldAgain } from '../../../cli/peek/forward.ts';
import { isToldToRevert } from '../../../cli/revert-command.ts';
import { productPlaybooks } from '../../../lib/language/playbook/assets.ts';
import { loadYaml } from '../../../lib/language/yaml/load.ts';

/**
 * Which playbook that is run after a recovery is told what the recovery was told. One that says how the cluster is reached
 * and laid out is told to both; one that says what was recovered, to `forward` where a later moment of the same recovery needs it.
 */
const TOLD_TO: Readonly<Record<string, 'both' | 'revert' | 'forward' | 'neither'>> = {
  backup: 'forward',
  target_time: 'neither',
  target_lsn: 'neither',
  target_xid: 'neither',
  target_name: 'neither',
  target_immediate: 'neither',
  inclusive: 'neither',
  marker: 'neither',
  server: 'forward',
  timeline: 'forward',
  accept_gap: 'neither',
  accept_unseen_wal: 'neither',
  wal_method: 'forward',
  wal_spool: 'forward',
  wal_spool_bytes: 'forward',
  wal_directories: 'forward',
  tablespaces: 'forward',
  accept_new_tablespaces: 'neither',
  staging_path: 'forward',
  restored_bytes: 'forward',
  wal_at_one_time: 'forward',
  wal_volume_bytes: 'forward',
  member_space: 'forward',
  members_from: 'forward',
  promote: 'forward',
  replay_stall: 'forward',
  promotion_timeout: 'both',
  leadership_timeout: 'both',
  streaming_stall: 'both',
  archiving_timeout: 'both',
  receiving_timeout: 'both',
  tail_timeout: 'both',
  following_stall: 'both',
  reach_timeout: 'both',
  port_timeout: 'both',
  restore: 'forward',
  auto_start: 'forward',
  allow_leader: 'forward',
  accept_write_outage: 'neither',
  prove_logins: 'both',
  sync_logins: 'both',
  copy_anew: 'forward',
  without_leader: 'forward',
  members_gone: 'neither',
  without_gone: 'neither',
  members_down: 'neither',
  verify: 'neither',
  new_backup: 'forward',
  staging: 'forward',
  kept: 'both',
  wanted: 'neither',
  tails: 'neither',
  layout: 'both',
  back_alone: 'both',
  more_down: 'both',
  back_down: 'both',
  back_options: 'both',
  ways_on: 'both',
  note: 'forward',
};

describe('a variable of a recovery', () => {
  const file = 'vars/recovery.yml';
  const text = readFileSync(path.join(productPlaybooks(), file), 'utf8');
  const variables = Object.keys(Object(loadYaml(file, text).value));

  it('is told to the playbooks that come after it, or not, on purpose: each has its word here', () => {
    expect(Object.keys(TOLD_TO)).toEqual(variables);
  });

  it.each(variables)('is told as it says here: %s', (name) => {
    const told = [isToldToRevert(name), isToldAgain(name)].map(String).join();
    const words = { 'true,true': 'both', 'true,false': 'revert', 'false,true': 'forward' };
    expect(Object(words)[told] ?? 'neither').toBe(TOLD_TO[name]);
  });
});
