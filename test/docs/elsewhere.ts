import { COMMANDS } from '../../cli/commands.ts';
import { blocksOf, commandsOf, PAGES, type ShownCommand } from './pages.ts';

/** Examples that are not typed on the lab as they stand, and the files of the suite that types such a line. */
export interface Elsewhere {
  readonly line: RegExp;
  /** From `test/`: the suite, and what types for it. */
  readonly files: readonly string[];
}

export const ELSEWHERE: readonly Elsewhere[] = [
  // For states that only a recovery makes.
  { line: /^pitr peek/, files: ['cli/peek.long.test.ts'] },
  { line: /^pitr commit .*--check/, files: ['cli/commit.test.ts'] },
  { line: /^pitr commit .*--without-lock/, files: ['cli/commit.test.ts'] },
  { line: /^pitr commit (?!--list)/, files: ['recovery/revert.long.test.ts'] },
  {
    line: /^pitr play revert\.yml .*--check/,
    files: ['recovery/after-revert.long.test.ts', 'support/play.ts'],
  },
  // It names machines of yours.
  { line: /^pitr init/, files: ['init/init.e2e.test.ts'] },
  // Its exit code is that of what it finds.
  { line: /^pitr doctor/, files: ['doctor/doctor.e2e.test.ts', 'doctor/stage.ts'] },
  { line: /^pitr recover -i \S+$/, files: ['cli/wizard.long.test.ts'] },
];

/** Where such a line is tried, if it is not typed here. */
export function elsewhereOf(line: string): Elsewhere | undefined {
  return ELSEWHERE.find((known) => known.line.test(line));
}

/** The examples of a command's help. */
export async function examplesOf(name: string): Promise<readonly string[]> {
  const command = await COMMANDS[name]?.load();
  return (command?.examples ?? []).map(({ command: line }) => line);
}

/** The blocks of the pages that are typed. */
export const SHELL_BLOCKS = PAGES.flatMap(blocksOf).filter(
  ({ language, notRun }) => language === 'sh' && notRun === undefined,
);

/** Every line of the help and of the pages. */
export async function shownLines(): Promise<readonly ShownCommand[]> {
  const helps = await Promise.all(
    Object.keys(COMMANDS).map(async (name) =>
      (await examplesOf(name)).map((line) => ({ where: `pitr help ${name}`, line })),
    ),
  );
  return [...helps.flat(), ...SHELL_BLOCKS.flatMap(commandsOf)];
}
