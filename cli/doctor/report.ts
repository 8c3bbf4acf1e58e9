import type { Finding, Severity } from '../../lib/recovery/doctor/finding.ts';
import { worst } from '../../lib/recovery/doctor/finding.ts';
import type { Paint } from '../display/paint.ts';
import { plural, printable, wrapWords } from '../text.ts';

/** What Nagios and its kin take for the state of a service. */
export const NAGIOS: Readonly<Record<Severity, number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

/** How an examination ended, for monitoring. */
export interface Summary {
  readonly severity: Severity;
  readonly checks: number;
  readonly hosts: number;
  /** Findings by severity; of `ok`, checks. */
  readonly counts: Readonly<Record<Severity, number>>;
  readonly seconds: number;
}

export function summaryOf(findings: readonly Finding[], hosts: number, seconds: number): Summary {
  const count = (severity: Severity): number =>
    findings.filter((finding) => finding.severity === severity).length;
  return {
    severity: worst(findings.map(({ severity }) => severity)),
    checks: new Set(findings.map(({ check }) => check)).size,
    hosts,
    counts: {
      ok: count('ok'),
      warning: count('warning'),
      critical: count('critical'),
      unknown: count('unknown'),
    },
    seconds,
  };
}

/** The one line that monitoring shows: the state, what it is about, and figures behind the bar. */
export function summaryLine({ severity, checks, hosts, counts, seconds }: Summary): string {
  const found = (['critical', 'warning', 'unknown'] as const)
    .filter((one) => counts[one] > 0)
    .map((one) => `${counts[one]} ${one}`);
  const words = found.length === 0 ? 'nothing found' : found.join(', ');
  const figures = [
    `critical=${counts.critical}`,
    `warning=${counts.warning}`,
    `unknown=${counts.unknown}`,
    `time=${seconds.toFixed(1)}s`,
  ];
  return `PITR ${severity.toUpperCase()} - ${words}; ${plural(checks, 'check', 'checks')} of ${plural(hosts, 'host', 'hosts')} | ${figures.join(' ')}`;
}

const ORDER: readonly Severity[] = ['critical', 'unknown', 'warning'];

/** Findings that are the same on several hosts are told once, with all of them. */
interface Told {
  readonly finding: Finding;
  readonly hosts: string[];
  readonly mend: string[];
}

/** Every finding that is not ok: what it is, where, what it means, how to mend it. The worst first. */
export function findingLines(
  findings: readonly Finding[],
  { paint, columns }: { readonly paint: Paint; readonly columns: number },
): readonly string[] {
  const colour: Readonly<Record<Severity, (text: string) => string>> = {
    ok: paint.ok,
    warning: paint.changed,
    critical: paint.failed,
    unknown: paint.changed,
  };
  return ORDER.flatMap((severity) =>
    grouped(findings.filter((finding) => finding.severity === severity)).flatMap(
      ({ finding, hosts, mend }) => {
        const where = hosts.length === 0 ? '' : ` on ${hosts.join(', ')}`;
        const head = `${severity.toUpperCase().padEnd(8)}  ${finding.check}${where}`;
        const put = (label: string, text: string): readonly string[] =>
          wrapWords(printable(text), columns, ' '.repeat(INDENT)).map((line, index) =>
            index === 0 ? `  ${label.padEnd(INDENT - 2)}${line.trimStart()}` : line,
          );
        return [
          '',
          colour[severity](head),
          ...put('Found', `${finding.text ?? ''}.`.replace(/\.\.$/, '.')),
          ...put('Means', finding.meaning ?? ''),
          // commands stay as they are, so that they can be copied
          ...mend.map(
            (line, index) => `  ${(index === 0 ? 'Mend' : '').padEnd(INDENT - 2)}${printable(line)}`,
          ),
        ];
      },
    ),
  );
}

const INDENT = 10;

function grouped(findings: readonly Finding[]): readonly Told[] {
  const told: Told[] = [];
  for (const finding of findings) {
    const same = told.find(
      ({ finding: other }) => other.check === finding.check && other.text === finding.text,
    );
    if (same === undefined) {
      const hosts = finding.host === undefined ? [] : [finding.host];
      told.push({ finding, hosts, mend: [...(finding.mend ?? [])] });
      continue;
    }
    if (finding.host !== undefined) same.hosts.push(finding.host);
    // A command that mends it goes to one host.
    same.mend.push(...(finding.mend ?? []).filter((line) => !same.mend.includes(line)));
  }
  return told;
}
