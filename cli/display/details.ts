import type { EventDiff } from '../../lib/engine/events/events.ts';
import { oneLine, printable } from '../text.ts';
import { diffLines } from './diff.ts';
import { errorText } from './error-text.ts';
import type { ViewSettings } from './settings.ts';
import type { HostResult } from './words.ts';

const INDENT = '    ';

/** What stands under a result: its summary, its message, the reason of a failure, the diff and the result where asked for. */
export function detailLines(result: HostResult, settings: ViewSettings): string[] {
  return [...reasonLines(result), ...diffs(result.diff, settings), ...verboseLines(result, settings)];
}

/** The lines that are shown without being asked for. */
function reasonLines(result: HostResult): string[] {
  const lines: string[] = [];
  if (result.error !== undefined) {
    lines.push(INDENT + oneLine(result.error.message));
    if (result.ignored === true) lines.push(`${INDENT}(ignored: the playbook says to go on)`);
  } else if (result.summary !== undefined && (result.status === 'changed' || result.status === 'unknown')) {
    lines.push(INDENT + oneLine(result.summary));
  }
  if (result.message !== undefined && result.error === undefined) {
    for (const line of printable(result.message).split('\n')) lines.push(INDENT + line);
  }
  return lines;
}

function diffs(all: readonly EventDiff[] | undefined, settings: ViewSettings): string[] {
  if (!settings.diff || all === undefined) return [];
  return all.flatMap((diff) => diffLines(diff, settings.paint).map((line) => INDENT + line));
}

function verboseLines(result: HostResult, settings: ViewSettings): string[] {
  if (settings.verbosity < 1) return [];
  const lines: string[] = [];
  if (result.error !== undefined) {
    const text = errorText(result.error, {
      paint: settings.paint,
      columns: settings.columns() - 4,
      frameOf: settings.frameOf,
    });
    lines.push(...text.map((line) => INDENT + line));
  }
  if (result.result !== undefined && result.status !== 'skipped') {
    const json = JSON.stringify(result.result, null, 2) ?? '';
    if (json !== '{}')
      lines.push(
        ...printable(json)
          .split('\n')
          .map((line) => INDENT + settings.paint.quiet(line)),
      );
  }
  return lines;
}
