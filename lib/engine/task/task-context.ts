import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import { Secret } from '../../base/values/secret.ts';
import { isSecretName } from '../../base/values/secret-names.ts';
import { Unknown, UnknownReached } from '../../base/values/unknown.ts';
import { utf8Text } from '../../base/values/utf8.ts';
import { saysYes } from '../../base/values/yes.ts';
import { patientTimeout } from '../../base/wait/patient-timeout.ts';
import type { Question, TaskContext } from '../../contract/module.ts';
import { projectRoot } from '../../language/playbook/assets.ts';
import { renderFile } from '../../language/template/template.ts';
import { AS_LOGIN_USER } from '../../transport/types.ts';
import { operatorHere } from '../journal/beginning.ts';
import type { HostDefaults } from '../run/live-host.ts';
import { controllerFile, findControllerFile } from './files.ts';
import { numberOf } from './number-of.ts';
import { dataLayer, type Scope } from './scope.ts';
import type { TaskJob } from './task-job.ts';

/** Ends what `taskContext` began; `timedOut` gives the error when the task's own deadline has passed. */
export interface Release {
  (): void;
  readonly timedOut: () => PitrError | undefined;
}

/** What surrounds a task on a host: signal with the task's deadline, events, files, templates, questions, become. */
export function taskContext(
  job: TaskJob,
  host: string,
  scope: Scope,
  /** Of the host that the task works on, where it is delegated. */
  workScope: Scope,
): { readonly context: TaskContext; readonly defaults: HostDefaults; readonly release: Release } {
  const { run, task, ref } = job;
  const { signal, release } = deadline(job, scope);
  const output = maskedOutput(job, host);
  const directories = (kind: string): string[] => [join(task.directory, kind), task.directory];
  const context: TaskContext = {
    runId: run.runId,
    operator: operatorHere(),
    signal,
    progress: (text, data) =>
      run.emit({
        type: 'host.progress',
        time: Date.now(),
        task: ref,
        host,
        text,
        ...(data === undefined ? {} : { data }),
      }),
    output: output.tell,
    warn: (text) => run.emit({ type: 'warning', time: Date.now(), text, host, task: ref }),
    file: async (path) => controllerFile(await findControllerFile(path, directories('files'))),
    render: async (path, extra = {}) => {
      const found = await findControllerFile(path, [
        ...directories('templates'),
        join(projectRoot(), 'templates'),
      ]);
      const { bytes } = await controllerFile(found);
      const all = scope.with(dataLayer(extra));
      const text = renderFile(utf8Text(await bytes(), found), found, (variables) =>
        all.contextFor(variables),
      );
      if (text instanceof Unknown) throw new UnknownReached(text);
      if (text instanceof Secret) run.masker.add(text.reveal());
      const plain = text instanceof Secret ? text.reveal() : text;
      run.masker.learnRendered({ text: plain });
      return plain;
    },
    holdsSecret: (text) => {
      // Learnt before it is judged: the plan shows it, and from then on the journal would mask what was let in here.
      run.masker.learnRendered({ text });
      return run.masker.text(text) !== text;
    },
    ask: (question) => ask(job, host, question),
    hold: run.held.hold,
    held: run.held.held,
  };
  return {
    context,
    defaults: {
      user: becomeUser(job, scope, workScope),
      env: job.module.kind === 'control' ? undefined : environment(job, scope),
      signal,
    },
    release: Object.assign(
      () => {
        output.end();
        release();
      },
      { timedOut: release.timedOut },
    ),
  };
}

/**
 * The output of a task's commands as it comes: a secret that begins in one piece and ends in the next is masked too.
 * What goes into a variable with the name of a secret is not shown at all: it is known only when it is complete.
 */
function maskedOutput(
  { run, ref, task }: TaskJob,
  host: string,
): { readonly tell: TaskContext['output']; readonly end: () => void } {
  if (task.register !== undefined && isSecretName(task.register)) return { tell: () => {}, end: () => {} };
  const streams = { stdout: run.masker.stream(), stderr: run.masker.stream() };
  const emit = (stream: 'stdout' | 'stderr', text: string): void => {
    if (text === '') return;
    run.emit({ type: 'host.output', time: Date.now(), task: ref, host, stream, text });
  };
  return {
    tell: (stream, text) => emit(stream, streams[stream].push(text)),
    end: () => {
      for (const stream of ['stdout', 'stderr'] as const) emit(stream, streams[stream].end());
    },
  };
}

async function ask({ run }: TaskJob, host: string, question: Question): Promise<boolean> {
  if (run.mode !== 'run') {
    // Gone through before a run: the question will come, and it is known now that nobody will answer it.
    if (run.statedMode === 'run' && !run.answerable) throw nobodyToAsk(question);
    return true;
  }
  run.emit({
    type: 'question.asked',
    time: Date.now(),
    text: question.text,
    details: question.details ?? [],
    host,
  });
  const { text, details = [] } = question;
  const { answer, by } = await run.ask({ ...question, ...run.masker.data({ text, details }) });
  run.emit({ type: 'question.answered', time: Date.now(), answer: answer ? 'yes' : 'no', by });
  if (by === 'nobody') throw nobodyToAsk(question);
  return answer;
}

function nobodyToAsk({ text, details }: Question): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'nobody-to-ask',
    message: `there is no terminal to ask: ${text}`,
    details,
    next: ['If the answer is yes, say so: run it again with --yes.'],
  });
}

function deadline(
  { run, task }: TaskJob,
  scope: Scope,
): { readonly signal: AbortSignal; readonly release: Release } {
  const seconds = numberOf(task.timeout, 0, scope);
  if (seconds === 0)
    return { signal: run.signal, release: Object.assign(() => {}, { timedOut: () => undefined }) };
  const own = new AbortController();
  const callOff = patientTimeout(() => own.abort(), seconds * 1000);
  const timedOut = (): PitrError | undefined =>
    own.signal.aborted && !run.signal.aborted
      ? new PitrError({
          kind: 'failed',
          code: 'task-timed-out',
          message: `the task did not end within its ${seconds} s (timeout:)`,
        })
      : undefined;
  const signal = AbortSignal.any([run.signal, own.signal]);
  // A task may have commands at work on many hosts, and each of them listens.
  setMaxListeners(0, signal);
  return {
    signal,
    release: Object.assign(callOff, { timedOut }),
  };
}

function becomeUser({ task, vars }: TaskJob, scope: Scope, workScope: Scope): string | undefined {
  const become = task.become ?? vars.play.become;
  const enabled = workScope.get('ansible_become') ?? undefined;
  // Also where the playbook says otherwise, as in Ansible: this machine may be among the hosts of a play.
  if (enabled !== undefined && !saysYes(enabled)) return AS_LOGIN_USER;
  if (become === undefined)
    return enabled === undefined ? undefined : String(workScope.get('ansible_become_user') ?? 'root');
  if (!become.enabled) return AS_LOGIN_USER;
  if (become.user !== undefined) return String(known(scope.renderLocated(become.user)));
  return String(workScope.get('ansible_become_user') ?? 'root');
}

function environment(
  { run, task, vars }: TaskJob,
  scope: Scope,
): Readonly<Record<string, string>> | undefined {
  const levels = [...vars.play.environment, ...task.environment];
  if (levels.length === 0) return undefined;
  const env: Record<string, string> = {};
  for (const level of levels)
    for (const [name, value] of Object.entries(Object(known(scope.renderLocated(level)))))
      env[name] = revealed(known(value), run.masker);
  run.masker.learnRendered(env);
  return env;
}

/** What check mode does not know yet makes the task's outcome unknown, and never a word of its own. */
function known(value: unknown): unknown {
  if (value instanceof Unknown) throw new UnknownReached(value);
  return value;
}

/** Commands get the secret itself; from here on every reader gets it masked. */
function revealed(value: unknown, masker: Masker): string {
  if (!(value instanceof Secret)) return String(value);
  masker.add(value.reveal());
  return value.reveal();
}
