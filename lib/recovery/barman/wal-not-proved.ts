import { dirname } from 'node:path/posix';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { quote } from '../../transport/quote.ts';
import { timelineOf, type WalSegment } from '../wal/segment.ts';
import type { ServerConfig } from './config.ts';

/** With more names a command is read by nobody; what is left is named by the next proof. */
const MOST_NAMED = 20;

/** There is nothing in the archive under the name of a segment that was archived. */
export function walGone(segment: WalSegment, { name, wals }: ServerConfig, host: string): PitrError {
  return notProved(host, {
    message: `${segment} is not in the archive of server ${name}`,
    details: [wals],
    next: [`See: barman check ${name}`],
  });
}

/** Another file lies there under the name of WAL that was written. `words`: what is wrong, a line each. */
export function otherWal(
  names: readonly string[],
  words: readonly string[],
  server: ServerConfig,
  host: string,
): PitrError {
  return notProved(host, {
    message: `what lies in the archive of server ${server.name} is not the WAL that was written: ${some(names)}`,
    details: [
      ...words,
      'Barman keeps the first file of a name and puts later ones aside. A recovery would get the wrong WAL.',
    ],
    next: [
      `The right files are in ${server.errors}, once Barman has come to them (barman cron), and in pg_wal of the node.`,
      `Put them in the place of the wrong ones, as Barman's user on ${host}; then run this again:`,
      swapped(names, server),
    ],
  });
}

/** `later`: segments that lie in the archive, and that the node has not come to; `aside`: what Barman has put aside. */
export function strayWal(
  segment: WalSegment,
  later: readonly string[],
  aside: readonly string[],
  server: ServerConfig,
  host: string,
): PitrError {
  return notProved(host, {
    message: `the archive of server ${server.name} has WAL of timeline ${timelineOf(segment)} that its node has not archived there`,
    details: [
      ...(aside.length === 0 ? [] : [`put aside by Barman in ${server.errors}: ${some(aside)}`]),
      ...(later.length === 0 ? [] : [`there already, though not written yet: ${some(later)}`]),
      'Barman keeps the first file of a name and puts later ones aside: what is written under these names is not archived.',
    ],
    next: [
      ...(aside.length === 0
        ? []
        : [
            `Compare what was put aside with ${server.wals}/${segment.slice(0, 16)}, put the right files in place, move the others out of ${server.errors}, then: barman rebuild-xlogdb ${server.name}`,
            `barman check ${server.name} must say "archiver errors: OK".`,
          ]),
      ...(later.length === 0
        ? []
        : [
            `Put aside what is not written yet, as Barman's user on ${host}; then run this again:`,
            putAside(later, server),
          ]),
    ],
  });
}

/** Of each name, the one file that Barman has put aside takes the place of the one that is kept elsewhere. */
function swapped(names: readonly string[], server: ServerConfig): string {
  const [aside, there] = [`${quote(server.errors)}/$s.*.duplicate`, inArchive(server)];
  const steps = [`[ -f ${aside} ]`, keep(server), ['mv', aside, there].join(' ')];
  return forEach(names, server, steps.join(' && '));
}

function putAside(names: readonly string[], server: ServerConfig): string {
  return forEach(names, server, keep(server));
}

/** Words for `sh` that do this to each segment `$s`, and let Barman know of it. */
function forEach(names: readonly string[], server: ServerConfig, work: string): string {
  const listed = names.slice(0, MOST_NAMED).join(' ');
  return `mkdir -p ${straysOf(server)}; for s in ${listed}; do ${work}; done; barman rebuild-xlogdb ${quote(server.name)}`;
}

/** Nothing is lost by it: what it is may be told later. */
function keep(server: ServerConfig): string {
  return `mv --backup=numbered -t ${straysOf(server)} ${inArchive(server)}`;
}

function inArchive({ wals }: ServerConfig): string {
  return `${quote(wals)}/\${s%????????}/$s`;
}

function straysOf({ wals }: ServerConfig): string {
  return quote(`${dirname(wals)}/strays`);
}

function notProved(
  host: string,
  words: { readonly message: string; readonly details: readonly string[]; readonly next: readonly string[] },
): PitrError {
  return new PitrError({ kind: 'failed', code: 'archive-not-proved', host, ...words });
}

function some(names: readonly string[]): string {
  return `${names.slice(0, 6).join(', ')}${names.length > 6 ? ` and ${names.length - 6} more` : ''}`;
}
