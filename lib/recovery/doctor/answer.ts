import { asPitrError } from '../../base/errors/pitr-error.ts';

/** What a look has answered; or that it could not tell, and why. Never an empty answer in place of no answer. */
export type Told<T> =
  | { readonly value: T }
  | {
      readonly unknown: string;
      readonly next: readonly string[];
      /** The look itself has said no, which is an answer to those whose question it was. */
      readonly refused?: boolean;
    };

/** Nobody has asked: the checks that need it were not chosen. */
export const NOT_ASKED: Told<never> = { unknown: 'it was not looked at', next: [] };

/** The answer of a look, its failure as a value. */
export async function told<T>(work: () => Promise<T>): Promise<Told<T>> {
  try {
    return { value: await work() };
  } catch (thrown) {
    return whyNot(thrown);
  }
}

/** The same of what needs no waiting. */
export function toldAtOnce<T>(work: () => T): Told<T> {
  try {
    return { value: work() };
  } catch (thrown) {
    return whyNot(thrown);
  }
}

function whyNot(thrown: unknown): Told<never> {
  const error = asPitrError(thrown);
  if (error.kind === 'interrupted') throw error;
  const said = error.evidence?.stderr?.trim().split('\n').at(-1);
  const more = [...error.details, ...(said === undefined || said === '' ? [] : [`it said: ${said}`])];
  return {
    unknown: [error.message, ...more.slice(0, 4)].join('; '),
    next: error.next,
    refused: error.kind === 'refused' || error.kind === 'validation',
  };
}
