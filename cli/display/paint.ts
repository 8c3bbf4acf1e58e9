import * as colors from 'kleur/colors';
import type { Output } from '../io.ts';

type Color = (text: string) => string;

/** Colours by what they mean here; the identity where colours are not wanted. */
export interface Paint {
  readonly ok: Color;
  readonly changed: Color;
  readonly failed: Color;
  readonly unknown: Color;
  readonly quiet: Color;
  readonly strong: Color;
  readonly added: Color;
  readonly removed: Color;
}

/** What kleur sees of the terminal at import says nothing of the stream we write to: we decide, it paints. */
function always(color: Color): Color {
  return (text) => {
    colors.$.enabled = true;
    return color(text);
  };
}

const plain: Color = (text) => text;

export const NO_PAINT: Paint = {
  ok: plain,
  changed: plain,
  failed: plain,
  unknown: plain,
  quiet: plain,
  strong: plain,
  added: plain,
  removed: plain,
};

const PAINT: Paint = {
  ok: always(colors.green),
  changed: always(colors.yellow),
  failed: always(colors.red),
  unknown: always(colors.magenta),
  quiet: always(colors.gray),
  strong: always(colors.bold),
  added: always(colors.green),
  removed: always(colors.red),
};

export interface ColorWishes {
  readonly noColor: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Colours for this stream. `--no-color` and NO_COLOR (non-empty) say no, FORCE_COLOR (neither empty nor 0) says yes,
 * in this order; else a terminal that is not `dumb` gets them.
 */
export function paintFor(output: Output, wishes: ColorWishes): Paint {
  if (wishes.noColor || (wishes.env.NO_COLOR ?? '') !== '') return NO_PAINT;
  const force = wishes.env.FORCE_COLOR ?? '';
  if (force !== '') return force === '0' ? NO_PAINT : PAINT;
  return output.isTTY === true && wishes.env.TERM !== 'dumb' ? PAINT : NO_PAINT;
}
