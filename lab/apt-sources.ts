import { runLocally } from './local-command.ts';
import { labRelease } from './release.ts';

export interface AptSources {
  /** Lines for a sources.list, or nothing when this machine is no Debian. */
  readonly list: string;
  /** Proxies and checks that this machine sets for apt. */
  readonly configuration: string;
  /** The Debian mirror that this machine uses. */
  readonly mirror: string | undefined;
}

/** Reads which Debian mirror, proxy and checks this machine's apt uses. Never throws: elsewhere all is empty. */
export async function aptSourcesOfThisMachine(): Promise<AptSources> {
  const format = '$(CREATED_BY)|$(ORIGIN)|$(LABEL)|$(REPO_URI)|$(COMPONENT)';
  const indexTargets = async () =>
    parseIndexTargets((await runLocally(['apt-get', 'indextargets', '--format', format])).stdout);
  let sources = await indexTargets();
  if (!sources.debian && process.getuid?.() === 0) {
    // A fresh machine has no package lists yet, and without them apt does not know whose archive it is.
    await runLocally(['apt-get', '-qq', 'update']);
    sources = await indexTargets();
  }
  const settings = await runLocally(['apt-config', 'dump']);
  return {
    list: sourcesList(sources, labRelease.debian),
    configuration: parseSettings(settings.stdout),
    mirror: sources.debian,
  };
}

interface Mirrors {
  readonly debian: string | undefined;
  readonly security: string | undefined;
}

/** Finds the mirrors of Debian's own archives in the output of `apt-get indextargets`. */
export function parseIndexTargets(output: string): Mirrors {
  const rows = output.split('\n').map((line) => line.split('|'));
  const mirrorOf = (wanted: string) =>
    rows.find(
      ([kind, origin, label, uri]) =>
        kind === 'Packages' && origin === 'Debian' && label === wanted && /^https?:/.test(uri ?? ''),
    )?.[3];
  return { debian: mirrorOf('Debian'), security: mirrorOf('Debian-Security') };
}

/** A sources.list for a release of Debian on these mirrors. */
export function sourcesList({ debian, security }: Mirrors, release: string): string {
  if (!debian) return '';
  const lines = [`deb ${debian} ${release} main`, `deb ${debian} ${release}-updates main`];
  if (security) lines.push(`deb ${security} ${release}-security main`);
  return `${lines.join('\n')}\n`;
}

/** Keeps, of `apt-config dump`, what a build must share with this machine to reach its mirror. */
export function parseSettings(dump: string): string {
  const kept = dump
    .split('\n')
    .filter((line) => /^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date|Retries)\b/i.test(line));
  return kept.length > 0 ? `${kept.join('\n')}\n` : '';
}
