import { parseSegment, type WalSegment } from './segment.ts';
import { type TimelineId, timelineId } from './timeline.ts';

/** What a file in a WAL archive is, by its name. Compressed files keep their plain name there. */
export type ArchiveFileName =
  | { readonly kind: 'segment'; readonly segment: WalSegment }
  /** The beginning of a segment: the tail of an ended timeline, or one that is still being received. */
  | { readonly kind: 'partial'; readonly segment: WalSegment }
  | { readonly kind: 'history'; readonly timeline: TimelineId }
  /** Written at the end of a backup; recovery never asks for it. */
  | { readonly kind: 'label'; readonly segment: WalSegment };

/** Reads a file name; nothing when it is none of an archive. */
export function parseArchiveFileName(name: string): ArchiveFileName | undefined {
  const history = /^([0-9A-F]{8})\.history$/.exec(name);
  if (history !== null) {
    const number = Number.parseInt(history[1] ?? '', 16);
    return number === 0 ? undefined : { kind: 'history', timeline: timelineId(number) };
  }
  const match = /^([0-9A-F]{24})(\.partial|\.[0-9A-F]{8}\.backup)?$/.exec(name);
  const segment = parseSegment(match?.[1] ?? '');
  if (match === null || segment === undefined) return undefined;
  if (match[2] === undefined) return { kind: 'segment', segment };
  return { kind: match[2] === '.partial' ? 'partial' : 'label', segment };
}
