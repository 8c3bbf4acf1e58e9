import { ARCHIVING_CHECKS } from './checks/archiving.ts';
import { ARRIVAL_CHECKS } from './checks/arrivals.ts';
import { BACKUP_CHECKS } from './checks/backups.ts';
import { CHAIN_CHECKS } from './checks/chain.ts';
import { CLOCK_CHECKS } from './checks/clocks.ts';
import { CLUSTER_CHECKS } from './checks/cluster.ts';
import { CONNECTION_CHECKS } from './checks/connections.ts';
import { INVENTORY_CHECKS } from './checks/inventory.ts';
import { LAYOUT_CHECKS } from './checks/layout.ts';
import { LEFTOVER_CHECKS } from './checks/leftovers.ts';
import { LOGIN_CHECKS } from './checks/logins.ts';
import { PATRONI_CHECKS } from './checks/patroni.ts';
import { RETENTION_CHECKS } from './checks/retention.ts';
import { SECRET_CHECKS } from './checks/secrets.ts';
import { SETTING_CHECKS } from './checks/settings.ts';
import { SPACE_CHECKS } from './checks/space.ts';
import { TOOL_CHECKS } from './checks/tools.ts';
import type { Check } from './finding.ts';

/** Everything that is examined, in the order in which it is told. */
export const CHECKS: readonly Check[] = [
  ...INVENTORY_CHECKS,
  ...CONNECTION_CHECKS,
  ...TOOL_CHECKS,
  ...CLUSTER_CHECKS,
  ...PATRONI_CHECKS,
  ...LAYOUT_CHECKS,
  ...SETTING_CHECKS,
  ...ARCHIVING_CHECKS,
  ...ARRIVAL_CHECKS,
  ...BACKUP_CHECKS,
  ...RETENTION_CHECKS,
  ...CHAIN_CHECKS,
  ...SPACE_CHECKS,
  ...CLOCK_CHECKS,
  ...LEFTOVER_CHECKS,
  ...LOGIN_CHECKS,
  ...SECRET_CHECKS,
];
