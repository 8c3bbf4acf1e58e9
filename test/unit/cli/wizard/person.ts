import type { Prompt } from '../../../../cli/wizard/prompt.ts';

/** Somebody at the wizard who types these answers, one after the other; Enter (an empty one) takes what is in brackets. */
export function person(...answers: readonly string[]) {
  const said: string[] = [];
  const left = [...answers];
  const next = (question: string): string => {
    said.push(question);
    const typed = left.shift();
    if (typed === undefined) throw new Error(`nobody answers: ${question}`);
    return typed;
  };
  const prompt: Prompt = {
    say: (lines) => void said.push(...lines),
    ask: async (question, fallback) => next(question) || (fallback ?? ''),
    confirm: async (question) => next(question) === 'y',
  };
  return { prompt, said, left };
}
