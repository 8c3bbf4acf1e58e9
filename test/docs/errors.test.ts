import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';
import { EXIT_CODES } from '../../lib/base/errors/pitr-error.ts';
import { errorsOfCode } from './error-codes.ts';
import { codeEntries, errorsPage } from './errors-page.ts';
import { SHARED_CODES } from './shared-codes.ts';

const entries = codeEntries();
const places = (sites: readonly { readonly file: string; readonly line: number }[]): string =>
  sites.map(({ file, line }) => `${file}:${line}`).join(', ');

describe('the codes of errors', () => {
  it('are found: those that everybody knows, in modules, commands and playbooks', () => {
    const codes = entries.map(({ code }) => code);
    expect(codes).toEqual(
      expect.arrayContaining(['backup-unknown', 'option-unknown', 'target-is-leader', 'locked']),
    );
    expect(codes.length).toBeGreaterThan(400);
  });

  it('are written in one piece, so that they can be found', () => {
    expect(errorsOfCode().hidden).toEqual([]);
  });

  it('say what they mean: by their message, or by a comment right above the code', () => {
    const silent = entries.filter(({ meaning, messages }) => meaning === undefined && messages.length === 0);
    expect(silent.map(({ code, sites }) => `${code} (${places(sites)})`)).toEqual([]);
  });

  it('have one owner: one file, or one meaning in test/docs/shared-codes.ts', () => {
    const shared = entries.filter(({ sites }) => new Set(sites.map(({ file }) => file)).size > 1);
    const unowned = shared.filter(({ code }) => !Object.hasOwn(SHARED_CODES, code));
    expect(unowned.map(({ code, sites }) => `${code} (${places(sites)})`)).toEqual([]);
    const needless = Object.keys(SHARED_CODES).filter((code) => !shared.some((entry) => entry.code === code));
    expect(needless).toEqual([]);
  });

  it('have a kind that the code tells: without one nobody would ask them for a next step', () => {
    const sites = entries.flatMap(({ sites }) => sites);
    const untold = sites.filter(
      ({ kinds }) => !kinds.every((kind) => kind in EXIT_CODES) || kinds.length === 0,
    );
    expect(untold.map(({ code, kinds, file, line }) => `${code} (${file}:${line}): ${kinds}`)).toEqual([]);
  });

  it('say what to do next, where pitr refuses or does not reach a host', () => {
    const sites = entries.flatMap(({ sites }) => sites);
    const mute = sites.filter(
      ({ kinds, hasNext }) => !hasNext && (kinds.includes('refused') || kinds.includes('unreachable')),
    );
    expect(mute.map(({ code, file, line }) => `${code} (${file}:${line})`)).toEqual([]);
  });

  it('say it in words that can be read beforehand: in the code, or in a comment right above "next"', () => {
    const refused = entries.filter(({ sites }) =>
      sites.some(({ kinds }) => kinds.includes('refused') || kinds.includes('unreachable')),
    );
    const unread = refused.filter(({ sites }) => sites.every(({ next }) => next.length === 0));
    expect(unread.map(({ code, sites }) => `${code} (${places(sites)})`)).toEqual([]);
  });

  it('name everything that only the run knows', () => {
    const texts = entries.flatMap(({ code, messages, sites }) =>
      [...messages, ...sites.flatMap(({ states, next }) => [...states, ...next])].map((text) => [code, text]),
    );
    expect(texts.filter(([, text = '']) => /\{(?:\.\.\.)?\}/.test(text))).toEqual([]);
  });

  it('stand in docs/errors.md as the code has them (npm run docs)', async () => {
    await expect(errorsPage(entries)).toMatchFileSnapshot(path.join(checkoutRoot, 'docs', 'errors.md'));
  });
});
