import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { until } from '../../base/wait/until.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';
import { patroniPython } from './config-file.ts';
import { type PatroniTarget, patronictl } from './control.ts';
import { askOwn, type PatroniAccess, SILENCE } from './rest.ts';
import { type SynchronousMode, synchronousMode } from './synchronous.ts';

export type DynamicConfig = Readonly<Record<string, unknown>>;

// By the DCS itself: no Patroni need run anywhere.
const SHOW = probeScript(`${patroniPython(`
import json
print(json.dumps(yaml.safe_load(sys.stdin.read()) or {}, default=str))
`)}
shown=$(timeout 30 patronictl -c "$1" show-config) || exit
printf '%s\\n' "$shown" | patroni_python "$1"`);

/**
 * The dynamic configuration, from this node's Patroni or, where that is silent, from the DCS. Throws kind `failed`
 * (`patroni-config-not-read`).
 */
export async function findConfig(
  host: ReadHost,
  access: Pick<PatroniAccess, 'port' | 'url' | 'config'>,
): Promise<DynamicConfig> {
  const answer = await askOwn(host, access, '/config');
  const told = answer.code === 200 ? configIn(answer.body) : undefined;
  if (told !== undefined) return told;
  const shown = await host.query(SHOW([access.config], { timeoutMs: 45_000 }));
  const inDcs = shown.exitCode === 0 ? configIn(shown.stdout) : undefined;
  if (inDcs !== undefined) return inDcs;
  throw new PitrError({
    kind: 'failed',
    code: 'patroni-config-not-read',
    message: "nobody tells the cluster's dynamic configuration: neither this node's Patroni nor the DCS",
    host: host.name,
    evidence: { ...evidenceOf(shown), command: `patronictl -c ${quote(access.config)} show-config` },
    next: ['Check patroni_config in the inventory, and that the DCS (etcd) answers.'],
  });
}

/** Nothing where that is no configuration: something else than Patroni may have answered. */
function configIn(json: string): DynamicConfig | undefined {
  try {
    return z.record(z.string(), z.unknown()).safeParse(JSON.parse(json)).data;
  } catch {
    // No JSON at all.
    return undefined;
  }
}

/**
 * The dynamic configuration as the last turn of this node's Patroni has seen it. Throws kind `failed`
 * (`patroni-config-not-read`).
 */
export async function readConfig(
  host: ReadHost,
  access: Pick<PatroniAccess, 'port' | 'url' | 'config'>,
): Promise<DynamicConfig> {
  const answer = await askOwn(host, access, '/config');
  const url = `${answer.base ?? access.url ?? `http://127.0.0.1:${access.port}`}/config`;
  const told = answer.code === 200 ? configIn(answer.body) : undefined;
  if (told !== undefined) return told;
  throw new PitrError({
    kind: 'failed',
    code: 'patroni-config-not-read',
    message: "Patroni does not tell the cluster's dynamic configuration",
    details: [
      ...(answer.foreign === undefined ? [] : [`Something else than Patroni answers at ${answer.foreign}.`]),
      `GET ${url}: ${answer.code === 0 ? 'no answer' : `HTTP ${answer.code}`}`,
    ],
    host: host.name,
    next: [`Look whether Patroni runs there: curl -s ${url}`],
  });
}

/** As `edit-config` takes it. YAML: quoted, the word "on" stays a word. */
export function synchronousSetting(mode: SynchronousMode): string {
  return `synchronous_mode=${JSON.stringify(mode)}`;
}

/** Writes it into the DCS, and waits for nobody. */
export function askForMode(
  host: WriteHost,
  target: PatroniTarget & { readonly cluster: string },
  mode: SynchronousMode,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<RunResult> {
  const words = ['edit-config', target.cluster, '--force', '--quiet', '--set', synchronousSetting(mode)];
  return patronictl(host, target, words, timeoutMs, signal);
}

/**
 * Sets `synchronous_mode` and waits until a turn of this node's Patroni has seen it.
 * Throws kind `failed` (`synchronous-mode-not-set`).
 */
export async function setSynchronousMode(
  host: WriteHost,
  target: PatroniTarget & { readonly cluster: string },
  mode: SynchronousMode,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const setting = synchronousSetting(mode);
  const asked = await askForMode(host, target, mode, timeoutMs, signal);
  const wanted = synchronousMode({ synchronous_mode: mode });
  await until(() => readConfig(host, target), {
    everyMs: 100,
    deadlineMs: timeoutMs,
    signal,
    done: (seen) => synchronousMode(seen) === wanted,
    passing: SILENCE,
    late: (seen) =>
      new PitrError({
        kind: 'failed',
        code: 'synchronous-mode-not-set',
        message: `synchronous_mode was to become ${mode || 'off'}, but is ${synchronousMode(seen) ?? 'off'}`,
        host: host.name,
        evidence: evidenceOf(asked),
        next: [
          `Set it by hand: patronictl -c ${quote(target.config)} edit-config ${quote(target.cluster)} -s '${setting}'`,
        ],
      }),
  });
}
