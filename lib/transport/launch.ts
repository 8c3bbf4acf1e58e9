import { patientTimeout } from '../base/wait/patient-timeout.ts';
import type { Becoming } from './becoming.ts';
import type { Connection } from './connection.ts';
import { becomeFailed, becomePasswordWrong, interrupted, shellNotAnswering, shellSilent } from './errors.ts';
import { FramedChannel } from './framed-channel.ts';
import { newNonce } from './marks.ts';
import { beginMarks } from './program.ts';

/** A host that is gone is found sooner, by keepalives; one that works may be slow: hundreds of logins start at once. */
const BEGIN_DEADLINE_MS = 60_000;

const LONGEST_QUESTION = 8192;

export interface LaunchedShell {
  readonly framed: FramedChannel;
  /** The shell's process id, when it has begun. Rejects when it does not begin. */
  readonly began: Promise<number>;
  /** Writes to the shell: at once where nothing else listens on its stdin first, else when it has begun. */
  send(text: string): void;
}

/**
 * Opens a channel on which a shell of the wanted user announces itself and then runs `body`. Resolves as soon as the
 * channel is open; whether the shell came up is told by `began`, so that work can be sent without waiting for it.
 */
export async function launch(
  connection: Connection,
  becoming: Becoming,
  body: string,
  signal: AbortSignal | undefined,
): Promise<LaunchedShell> {
  if (signal?.aborted) throw interrupted(connection.address);
  const nonce = newNonce();
  const channel = await connection.open(becoming.wrap(`${beginMarks(nonce)}; ${body}`), signal);
  const framed = new FramedChannel(channel, nonce);
  const began = awaitBegin(framed, connection.address, becoming);
  began.catch(() => {});
  const { stdin } = channel;
  return {
    framed,
    began,
    send: (text) => {
      // With a password still to be asked for, this text would be taken for it.
      if (becoming.dialog === undefined || framed.pid !== undefined) stdin.write(text);
      else
        void began.then(
          () => stdin.write(text),
          () => {},
        );
    },
  };
}

async function awaitBegin(framed: FramedChannel, address: string, becoming: Becoming): Promise<number> {
  let callOff = (): void => {};
  const silent = new Promise<never>((_, reject) => {
    callOff = patientTimeout(
      () => reject(shellSilent(address, BEGIN_DEADLINE_MS / 1000, framed.noise())),
      BEGIN_DEADLINE_MS,
    );
  });
  const ended = framed.ended.then((end) => {
    if (framed.pid !== undefined) return framed.pid;
    if (end.kind === 'lost') throw end.error;
    const output = framed.noise();
    if (becoming.user === undefined) throw shellNotAnswering(address, end, output);
    throw becomeFailed({ user: becoming.user, how: becoming.how, address, end, output });
  });
  try {
    return await Promise.race([framed.began, ended, silent, passwordRefused(framed, address, becoming)]);
  } catch (error) {
    framed.channel.abandon();
    throw error;
  } finally {
    callOff();
    framed.onNoise = undefined;
  }
}

/** Answers the first question with the password; the second means that it was wrong, or that something else is wanted. */
function passwordRefused(framed: FramedChannel, address: string, becoming: Becoming): Promise<never> {
  return new Promise((_, reject) => {
    const { dialog, user, how } = becoming;
    if (dialog === undefined || user === undefined) return;
    const said = { stdout: '', stderr: '' };
    let answered: string | undefined;
    framed.onNoise = (stream, text) => {
      said[stream] = `${said[stream]}${text}`.slice(-LONGEST_QUESTION);
      const question = dialog.asks(said[stream]);
      if (question === undefined) return;
      // What is left of this question may come later.
      said[stream] = '';
      if (answered === undefined) framed.channel.stdin.write(`${dialog.password.reveal()}\n`);
      else {
        const another = question === answered ? undefined : question;
        reject(becomePasswordWrong({ user, how, address, another, output: framed.noise() }));
      }
      answered ??= question;
    };
  });
}
