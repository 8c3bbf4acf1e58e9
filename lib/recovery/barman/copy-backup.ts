import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatCopied } from '../../base/values/bytes.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import type { StagingPlace } from './config.ts';
import { type CopyOnDisk, placesOf, removeCopy } from './copy-on-disk.ts';
import { endBarmanRecover } from './end-barman.ts';
import { endReceivingRsync } from './end-rsync.ts';
import { markerBeside, markerInside, type RestoreMarker, renderMarker } from './marker.ts';
import { copyFailed } from './restore-refusals.ts';
import { type ExpectedCopy, type VerifiedCopy, verifyCopy } from './verify-copy.ts';
import { watchSize } from './watch-size.ts';

/** A copy to make, in plain data. */
export interface CopyOrder extends CopyOnDisk {
  readonly node: string;
  readonly expected: ExpectedCopy;
  /** Something of it is there: it is gone on with, or goes first. */
  readonly continues: boolean;
  /** A copy that has broken off must go first: this version of Barman cannot go on with it. */
  readonly afresh: boolean;
  /** So must what the removal of a copy has left in places of tablespaces alone. */
  readonly remains: boolean;
  /** Barman had ended it well: only the proof is missing. */
  readonly copied: boolean;
  /** Where it is unpacked, decrypted or put together before it is whole. */
  readonly staged: readonly StagingPlace[];
  /** The command, on Barman's host. */
  readonly argv: readonly string[];
}

/**
 * Runs the copy as Barman's OS user `user` from its host to the node, with a marker beside the destination while it lasts and one in it when
 * it is whole and proved. When it ends otherwise, no rsync goes on writing behind our back. What Barman had copied whole is
 * proved first: nothing of it is removed, or copied again, unless the proof says that it must be.
 */
export async function copyBackup(
  host: WriteHost,
  order: CopyOrder,
  user: string,
  context: WorkContext,
): Promise<VerifiedCopy & { readonly seconds: number }> {
  const { destination, owner, node, expected } = order;
  const receiver = host.peer(node);
  const marker: RestoreMarker = {
    state: 'copying',
    server: order.server,
    backup: order.backup,
    systemId: expected.systemId,
    run: context.runId,
    emptyBefore: order.emptyBefore,
    tablespaces: Object.values(order.tablespaces),
  };
  const { signal } = context;
  const file = { user: owner, mode: 0o600, signal };
  const copied = async (durationMs: number): Promise<VerifiedCopy & { readonly seconds: number }> => {
    context.progress(`proving that the copy is backup ${order.backup}`);
    const verified = await verifyCopy(receiver, destination, owner, expected, context.runId);
    await receiver.writeFile(markerInside(destination), renderMarker({ ...marker, state: 'complete' }), file);
    await receiver.must(['rm', '-f', '--', markerBeside(destination)], { user: owner, signal });
    return { ...verified, seconds: Math.round(durationMs / 100) / 10 };
  };
  if (order.continues) {
    // A controller that died in the middle may have left a copy at work, which would write between ours.
    await endBarmanRecover(host, order.argv, user);
    await endReceivingRsync(receiver, placesOf(order), owner);
    const whole = order.copied ? await copied(0).catch(unlessNotWhole) : undefined;
    if (whole !== undefined) return whole;
    if (order.afresh || order.remains) await removeCopy(receiver, order);
  }
  await receiver.writeFile(markerBeside(destination), renderMarker(marker), file);
  const { durationMs } = await watchedCopy(host, receiver, order, user, context);
  await receiver.writeFile(markerBeside(destination), renderMarker({ ...marker, copied: true }), file);
  return copied(durationMs);
}

/** Nothing where the copy is proved not to be whole: then it is made. Throws what says anything else. */
function unlessNotWhole(error: unknown): undefined {
  if (!(error instanceof PitrError) || error.code !== 'copy-not-whole') throw error;
}

async function watchedCopy(
  host: WriteHost,
  receiver: WriteHost,
  order: CopyOrder,
  user: string,
  context: WorkContext,
): Promise<RunResult> {
  const { destination, owner, node, expected, argv } = order;
  const whole = expected.size;
  const watch = watchSize(receiver, destination, owner, (bytes) => {
    context.progress(`${formatCopied(bytes, whole)} copied to ${node}`, {
      bytes,
      ...(whole === undefined ? {} : { total: Math.max(whole, bytes) }),
    });
  });
  let ended = false;
  try {
    const result = await host.run(argv, {
      user,
      ownChannel: true,
      signal: context.signal,
      onOutput: (stream, chunk) => context.output(stream, Buffer.from(chunk).toString()),
    });
    const output = `${result.stdout}\n${result.stderr}`;
    if (result.exitCode !== 0) {
      const evidence = evidenceOf(result);
      const { runId } = context;
      const { backup } = expected;
      const { afresh, staged } = order;
      const places = { destination, node, host: host.name, staged };
      throw copyFailed({ ...places, backup, runId, output, evidence, afresh });
    }
    ended = true;
    return result;
  } finally {
    watch.stop();
    if (!ended) {
      await endReceivingRsync(receiver, placesOf(order), owner).catch((error: unknown) => {
        // What ended the copy is the error to tell; this adds to it.
        const why = error instanceof Error ? error.message : String(error);
        context.warn(`Whether an rsync still writes to ${node}:${destination} could not be seen: ${why}`);
      });
    }
  }
}
