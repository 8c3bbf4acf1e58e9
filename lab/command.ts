import { labAccident } from './accident.ts';
import { help, parseInvocation, type Run } from './arguments.ts';
import { labDown } from './down.ts';
import { told } from './error.ts';
import { openLab, prefixFrom } from './lab.ts';
import { type Report, timedReport } from './progress.ts';
import { resetLab } from './reset.ts';
import { labSeed } from './seed.ts';
import { labStatus } from './status.ts';
import { describeAccident, describeSeed, describeStatus, describeUp } from './text.ts';
import { type LabUp, labUp } from './up.ts';

/** What an action has to say: as a document, as text, and whether all is as it should be. */
interface Outcome {
  readonly document: unknown;
  readonly text: string;
  readonly exitCode: 0 | 1;
}

async function carryOut({ action, flavour }: Run, prefix: string, report: Report): Promise<Outcome> {
  switch (action) {
    case 'up': {
      const up = await labUp(prefix, report, flavour);
      return done(upDocument(up), describeUp(up, process.cwd()));
    }
    case 'reset': {
      const { seed, ...up } = await resetLab(prefix, report);
      return done({ ...upDocument(up), seed }, `${describeUp(up, process.cwd())}${describeSeed(seed)}`);
    }
    case 'seed': {
      const seed = await labSeed(await openLab(prefix), report);
      return done(seed, describeSeed(seed));
    }
    case 'accident': {
      const accident = await labAccident(await openLab(prefix), report);
      return done(accident, describeAccident(accident));
    }
    case 'status': {
      const status = await labStatus(await openLab(prefix));
      return { document: status, text: describeStatus(status), exitCode: status.up ? 0 : 1 };
    }
    case 'down': {
      const removed = await labDown(prefix);
      return done(
        { prefix, removed },
        removed === 0 ? `no lab ${prefix} was there\n` : `lab ${prefix} removed\n`,
      );
    }
  }
}

function done(document: unknown, text: string): Outcome {
  return { document, text, exitCode: 0 };
}

function upDocument({ lab, ports, outcome, inventories }: LabUp) {
  return { prefix: lab.prefix, outcome, sshPorts: ports, inventories };
}

/** Carries a command line of the lab out. Gives the exit code. Throws a LabError for words that it does not understand. */
export async function labCommand(argv: readonly string[]): Promise<number> {
  const invocation = parseInvocation(argv);
  if (invocation.kind === 'help') {
    process.stdout.write(help);
    return 0;
  }
  const progress = invocation.json ? process.stderr : process.stdout;
  const report = timedReport((line) => progress.write(`${line}\n`));
  try {
    const outcome = await carryOut(invocation, prefixFrom(process.env), report);
    process.stdout.write(invocation.json ? `${JSON.stringify(outcome.document)}\n` : outcome.text);
    return outcome.exitCode;
  } catch (thrown) {
    process.stderr.write(`lab ${invocation.action}: ${told(thrown)}\n`);
    return 1;
  }
}
