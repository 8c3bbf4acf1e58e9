import { z } from 'zod';
import type { Link } from '../wal/chain.ts';
import { archivesUsed, type RecoveryWal } from './prove-wal.ts';
import { holdsFor } from './recovery-wal.ts';

/** What a recovery rests on in Barman, as modules tell it and playbooks hand it on. */
const restsOnSchema = z.object({
  servers_used: z.array(z.string()),
  holds: z.array(z.object({ server: z.string(), backup: z.string() })),
  unheld: z.array(z.string()),
});

export type RestsOn = z.output<typeof restsOnSchema>;

export const provedParam = z
  .union([restsOnSchema, z.array(restsOnSchema)])
  .optional()
  .describe(
    'the result of barman.wal for the same target, or those of several proofs: what it has proved to be needed counts, too',
  );

/**
 * The servers whose archives have what is read, and what must be held there. `proofs` go before: their copies were proved
 * one by one, so that they know of servers that are needed because another one's copy is broken.
 */
export function restsOn(
  wal: RecoveryWal,
  read: readonly Link[] = wal.plan.needed,
  proofs: RestsOn | readonly RestsOn[] = [],
): RestsOn {
  const proved = together([proofs].flat());
  const used = archivesUsed(wal, read);
  const { backups, unheld } = holdsFor(wal.backup, read, used, wal.servers);
  const decided = new Set([...proved.holds.map(({ server }) => server), ...proved.unheld]);
  return {
    servers_used: [...new Set([...proved.servers_used, ...used])],
    holds: [...proved.holds, ...backups.filter(({ server }) => !decided.has(server))],
    unheld: [...proved.unheld, ...unheld.filter((server) => !decided.has(server))],
  };
}

function together(proofs: readonly RestsOn[]): RestsOn {
  const holds = proofs.flatMap((proof) => proof.holds);
  return {
    servers_used: [...new Set(proofs.flatMap((proof) => proof.servers_used))],
    holds: [...new Map(holds.map((one) => [`${one.server}\n${one.backup}`, one])).values()],
    unheld: [...new Set(proofs.flatMap((proof) => proof.unheld))],
  };
}
