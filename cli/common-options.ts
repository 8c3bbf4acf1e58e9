import type { Masker } from '../lib/base/values/masker.ts';
import { MASK } from '../lib/base/values/secret.ts';
import type { OptionSpecs } from './command.ts';
import { OUTPUTS } from './display/choose.ts';

const ASK_BECOME_PASS = {
  'ask-become-pass': {
    short: 'K',
    text: 'Ask once for the password of sudo or su, for hosts of which the inventory says none. Without a terminal: PITR_BECOME_PASSWORD_FILE.',
  },
} as const satisfies OptionSpecs;

/** Which hosts, and with which variables: the same words in every command. */
export const INVENTORY_OPTIONS = {
  inventory: {
    short: 'i',
    value: 'path',
    repeat: true,
    text: 'Inventory file or directory; several add up, later ones win. Without it: $PITR_INVENTORY, else inventory.yml here, else the only file in inventory/.',
  },
  'extra-vars': {
    short: 'e',
    value: 'vars',
    repeat: true,
    text: 'name=value (text as typed; true and false are booleans), a map {"a": 1} in YAML or JSON, or @file. Several add up, later ones win.',
  },
  ...ASK_BECOME_PASS,
} as const satisfies OptionSpecs;

/** What was given with `-i`, as it is typed again. */
export function inventoryWords(inventories: readonly string[]): readonly string[] {
  return inventories.flatMap((path) => ['-i', path]);
}

/** Which hosts and with which variables, as it was given and is typed again. A secret in it is masked where it is shown. */
export function typedWords(options: {
  readonly inventory: readonly string[];
  readonly 'extra-vars': readonly string[];
  readonly 'ask-become-pass': boolean;
  readonly 'other-machine'?: readonly string[];
}): readonly string[] {
  return [
    ...inventoryWords(options.inventory),
    ...options['extra-vars'].flatMap((given) => ['-e', given]),
    ...(options['ask-become-pass'] ? ['-K'] : []),
    ...(options['other-machine'] ?? []).flatMap((host) => ['--other-machine', host]),
  ];
}

/** What whoever types a shown command must know: the output has a mask where a secret stands. */
export function maskNotes(command: string, masker: Pick<Masker, 'text'>): readonly string[] {
  return masker.text(command) === command ? [] : [`Where it shows ${MASK}, type the secret again.`];
}

/** The argument of commands that work on one run. */
export const RUN_ARGUMENT = {
  name: 'run',
  text: 'id of a run (pitr runs), or path of its journal or directory',
} as const;

/** Of commands that go on from the journal of a run: what is said here goes over what the run was given. */
export const RUN_OPTIONS = {
  inventory: {
    ...INVENTORY_OPTIONS.inventory,
    text: 'Where the hosts are; without it, the inventories of the run.',
  },
  'extra-vars': {
    ...INVENTORY_OPTIONS['extra-vars'],
    text: 'Over the variables of the run. Passwords have to be given again: the journal holds none.',
  },
  ...ASK_BECOME_PASS,
  'other-machine': {
    value: 'host',
    repeat: true,
    text: 'This host is another machine than the one that the run has changed, or has a new name: work on it all the same.',
  },
} as const satisfies OptionSpecs;

export const OUTPUT_OPTIONS = {
  output: {
    value: 'form',
    choices: OUTPUTS,
    text: 'json: one JSON object a line (docs/output.md). text: plain lines. tty: live. Without it: tty on a terminal, text elsewhere.',
  },
  'no-color': { text: 'No colours; NO_COLOR says the same.' },
} as const satisfies OptionSpecs;

export const FORKS_OPTION = {
  forks: { short: 'f', value: 'n', text: 'Hosts at work at the same time; 20 without it.' },
} as const satisfies OptionSpecs;

export const DEFAULT_FORKS = 20;
