import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Question } from '../../lib/contract/module.ts';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { readRun } from '../../lib/engine/journal/read.ts';
import { type RunOutcome, runPlaybook } from '../../lib/engine/run/run.ts';
import type { RunRequest } from '../../lib/engine/run/run-request.ts';

export interface Played {
  readonly outcome: RunOutcome;
  readonly events: readonly PitrEvent[];
  /** `host: name: status` of every result, in order. */
  readonly results: readonly string[];
  /** What debug and assert said. */
  readonly messages: readonly string[];
  readonly directory: string;
}

/** Two hosts that are both this machine: a play on them is real, and needs no lab. */
export const inventoryOfPair = `
all:
  vars: { ansible_connection: local }
  children:
    pair:
      hosts:
        one: { number: 1 }
        two: { number: 2 }
`;

export async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-engine-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** For the rest of the test alone: other files share the process. */
export function keepRunsIn(directory: string): void {
  const outer = process.env.PITR_STATE_DIR;
  if (outer === directory) return;
  process.env.PITR_STATE_DIR = directory;
  onTestFinished(() => {
    if (outer === undefined) delete process.env.PITR_STATE_DIR;
    else process.env.PITR_STATE_DIR = outer;
  });
}

/** Never half there: where two processes of a run are played at once, one reads while the other writes. */
async function writeWhole(file: string, text: string): Promise<void> {
  const beside = `${file}.${randomUUID()}`;
  await writeFile(beside, text);
  await rename(beside, file);
}

/** Runs a playbook given as text, for real, on this machine. `DIR` in it is a fresh directory. */
export async function play(
  yaml: string,
  {
    answerable,
    answer = true,
    signal = new AbortController().signal,
    seen,
    asked,
    ...request
  }: Partial<RunRequest> & {
    readonly directory?: string;
    /** false: there is nobody to answer a question. */
    readonly answerable?: boolean;
    /** What a person answers; without it the option --yes does. */
    readonly answer?: boolean;
    readonly signal?: AbortSignal;
    /** Is told of every event at once. */
    readonly seen?: (event: PitrEvent) => void;
    /** Is told of every question. */
    readonly asked?: (question: Question) => void;
  } = {},
): Promise<Played> {
  const directory = request.directory ?? (await newDirectory());
  keepRunsIn(join(directory, 'state'));
  const playbook = join(directory, 'play.yml');
  const inventory = join(directory, 'inventory.yml');
  await writeWhole(playbook, yaml.replaceAll('DIR', directory));
  await writeWhole(inventory, inventoryOfPair);
  const events: PitrEvent[] = [];
  const outcome = await runPlaybook(
    {
      inventories: [inventory],
      extraVars: {},
      mode: 'run',
      tags: [],
      skipTags: [],
      forks: 10,
      ...request,
      playbook,
    },
    {
      emit: (event) => {
        events.push(event);
        seen?.(event);
      },
      ask: (question) => {
        asked?.(question);
        return Promise.resolve(
          answerable === false
            ? { answer: false, by: 'nobody' }
            : { answer, by: answer ? '--yes' : 'operator' },
        );
      },
      answerable,
      signal,
    },
  );
  return {
    outcome,
    events,
    directory,
    results: events.flatMap((event) =>
      event.type === 'host.result' ? [`${event.host}: ${event.task.name}: ${event.status}`] : [],
    ),
    messages: events.flatMap((event) =>
      event.type === 'host.result' && event.message !== undefined ? [event.message] : [],
    ),
  };
}

/** A command that leaves a line in DIR/log. */
export const log = (text: string): string => `{ script: "echo ${text} {{ inventory_hostname }} >> DIR/log" }`;

export async function linesOf({ directory }: Played): Promise<readonly string[]> {
  const text = await readFile(join(directory, 'log'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

/** Runs the playbook, expects it to fail, makes DIR/mended and an empty log, and goes on. */
export async function playTwice(
  yaml: string,
  {
    forceHandlers,
    extraVars = {},
  }: {
    readonly forceHandlers?: boolean;
    /** Given to the second process alone. */
    readonly extraVars?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<{ readonly first: Played; readonly second: Played }> {
  const directory = await newDirectory();
  const first = await play(yaml, { directory, forceHandlers });
  expect(first.outcome.status).toBe('failed');
  await writeFile(join(directory, 'log'), '');
  await writeFile(join(directory, 'mended'), '');
  const request = resumeRequest(await readRun(first.outcome.runId), {
    inventories: [],
    extraVars,
    mode: 'run',
    forks: 10,
    again: 'pitr resume',
  });
  return { first, second: await play(yaml, { ...request, directory }) };
}
