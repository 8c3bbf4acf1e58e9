import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { runCommandLine } from '../../cli/run.ts';
import { keepRunsIn } from '../engine/support.ts';

/** A secret that is planted in one place, and how a playbook gets at it. */
export interface Canary {
  /** Where it is planted. */
  readonly source: string;
  /** The expression that gives it, without braces. */
  readonly expression: string;
  readonly value: string;
  /** The part that every encoding but base64 and hexadecimal leaves as it is. */
  readonly mark: string;
}

interface Planting {
  readonly source: string;
  readonly expression: string;
  readonly plant: (site: SiteText, value: string) => void;
}

/** The files and words of a site, while the canaries are put into them. */
interface SiteText {
  readonly files: Record<string, string>;
  readonly words: string[];
  readonly env: Record<string, string>;
  /** Variables of the play, of its tasks, and tasks at its beginning, as YAML. */
  playVars: string;
  taskVars: string;
  firstTasks: string;
}

const yaml = (value: string): string => JSON.stringify(value);

const PLANTINGS: readonly Planting[] = [
  {
    source: '-e',
    expression: 'e_password',
    plant: (site, value) => site.words.push('-e', `e_password=${value}`),
  },
  {
    source: '-e with several',
    expression: 'several_token',
    plant: (site, value) =>
      site.words.push('-e', `other=1 several_token="${value.replaceAll('"', '')}" more=2`),
  },
  {
    source: '-e in JSON',
    expression: 'vault.api_key',
    plant: (site, value) => site.words.push('-e', JSON.stringify({ vault: { api_key: value } })),
  },
  { source: '-e @file', expression: 'file_passwd', plant: file('extra.yml', 'file_passwd') },
  { source: 'vars_files', expression: 'vars_secret', plant: file('vars.yml', 'vars_secret') },
  {
    source: 'defaults_files',
    expression: 'defaults_passphrase',
    plant: file('defaults.yml', 'defaults_passphrase'),
  },
  {
    source: 'group_vars of the inventory',
    expression: 'group_password',
    plant: file('inventory/group_vars/all.yml', 'group_password'),
  },
  {
    source: 'host_vars of the inventory',
    expression: 'host_password',
    plant: file('inventory/host_vars/target.yml', 'host_password'),
  },
  {
    source: 'group_vars beside the playbook',
    expression: 'site_password',
    plant: file('group_vars/all.yml', 'site_password'),
  },
  {
    source: 'the inventory',
    expression: 'inv_private_key',
    plant: file('inventory/hosts.yml', 'inv_private_key', '      '),
  },
  {
    source: 'ansible_become_password',
    expression: 'ansible_become_password',
    plant: file('inventory/hosts.yml', 'ansible_become_password', '      '),
  },
  {
    // A name that says nothing: that it is a secret is known by its name in the environment alone.
    source: 'the environment',
    expression: 'from_environment',
    plant: (site, value) => {
      site.env.SITE_PASSWORD = value;
      site.playVars += `    from_environment: ${yaml(value)}\n`;
    },
  },
  {
    source: 'a list of maps',
    expression: 'users.[0].password',
    plant: (site, value) => (site.playVars += `    users: [{ name: alice, password: ${yaml(value)} }]\n`),
  },
  {
    source: 'vars of the play',
    expression: 'play_token',
    plant: (site, value) => (site.playVars += `    play_token: ${yaml(value)}\n`),
  },
  {
    source: 'a template of two parts',
    expression: 'joined_secret',
    plant: (site, value) => {
      const half = Math.floor(value.length / 2);
      site.playVars += `    first_part: ${yaml(value.slice(0, half))}\n    second_part: ${yaml(value.slice(half))}\n    joined_secret: "{{ first_part }}{{ second_part }}"\n`;
    },
  },
  {
    source: 'a connection string',
    expression: 'conninfo',
    plant: (site, value) =>
      (site.playVars += `    conninfo: ${yaml(`host=db1 password='${value.replace(/[\\']/g, '\\$&')}' user=app`)}\n`),
  },
  {
    source: 'vars of a task',
    expression: 'task_password',
    plant: (site, value) => (site.taskVars += `, task_password: ${yaml(value)}`),
  },
  {
    source: 'set_fact',
    expression: 'fact_password',
    plant: (site, value) => (site.firstTasks += `    - core.set_fact: { fact_password: ${yaml(value)} }\n`),
  },
  {
    source: 'register',
    expression: 'command_password.stdout',
    plant: (site, value) => {
      site.files['wanted/source'] = value;
      site.firstTasks += `    - core.command: [cat, DIR/wanted/source]\n      register: command_password\n`;
    },
  },
];

/** What is done with every canary; `E` stands for its expression, `N` for its number, `V` for variables of the task. */
const SINKS = `
    - name: "says {{ E }}"
      core.debug: { msg: "E is {{ E }}; {{ json E }}; {{ quote E }}; {{ pgquote E }}" }
      vars: V
    - name: prints N
      core.shell: 'echo "$S"; echo "$S" >&2; printf %s "$S" | base64 -w0; echo; echo "user:$S:x" | base64; printf %s "$S" | od -An -tx1 | tr -d " \\n"; echo'
      environment: { S: "{{ E }}" }
      register: printed
      vars: V
    - name: repeats N
      core.debug: { var: printed }
    - name: fails N
      core.shell: 'echo "cannot log in with $S" >&2; exit 3'
      environment: { S: "{{ E }}" }
      ignore_errors: true
      vars: V
    - name: copies N
      fs.copy: { dest: DIR/wanted/copy-N, content: "key = {{ E }}\\n", mode: "0600" }
      vars: V
    - name: renders N
      fs.template: { src: secret.hbs, dest: DIR/wanted/template-N, mode: "0600" }
      vars: { shown: "{{ E }}"W }
    - name: asserts N
      core.assert: { that: ["1 == 2"], fail_msg: "not with {{ E }}" }
      ignore_errors: true
      vars: V
    - name: carries N
      core.set_fact: { carried: "before {{ E }} after" }
      vars: V
    - name: shows what was carried N
      core.debug: { msg: "{{ carried }}" }
    - name: reads N
      core.command: { cmd: cat, stdin: "{{ E }}" }
      vars: V
    - name: lists what runs N
      core.shell: { script: 'cat >/dev/null; ps -eww -o args >DIR/ps-N', stdin: "{{ E }}" }
      environment: { S: "{{ E }}" }
      vars: V
    - name: loops N
      core.shell: { script: 'echo "$I"' }
      environment: { I: "{{ item }}" }
      loop: ["{{ E }}", b]
      vars: V
    - name: waits for N
      core.shell: 'echo "$S"'
      environment: { S: "{{ E }}" }
      register: tried
      until: tried.stdout == "never"
      retries: 1
      delay: 0
      ignore_errors: true
      vars: V
    - name: refuses N
      core.fail: { msg: "no: {{ E }}" }
      ignore_errors: true
      vars: V
`;

/** Task names of `SINKS`: a canary has been through all of them when each has a result. */
export const SINK_COUNT = SINKS.split('- name:').length - 1;

export interface Site {
  readonly directory: string;
  readonly canaries: readonly Canary[];
  /** The words of a command line behind `pitr play`. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Writes a site full of canaries into a directory. `connection`: how its one host is reached, as YAML; `onHost`: the
 * directory there that its playbook works in, with what `wanted/` holds here.
 */
export async function plantCanaries(
  directory: string,
  connection: string,
  onHost = directory,
): Promise<Site> {
  const site: SiteText = {
    files: {
      'inventory/hosts.yml': `all:\n  hosts:\n    target:\n${connection}`,
      'secret.hbs': 'password = {{ shown }}\n',
    },
    words: [],
    env: {},
    playVars: '',
    taskVars: '',
    firstTasks: '',
  };
  const canaries = PLANTINGS.map(({ source, expression, plant }, i): Canary => {
    const mark = `CNRY${i}q${randomBytes(4).toString('hex')}`;
    const value = `${mark}"it's\\ a&b/${i}`;
    plant(site, value);
    return { source, expression, value, mark };
  });
  const words = site.words;
  words.push('-e', `@${directory}/extra.yml`);
  const sinks = canaries.map(({ expression }, i) =>
    SINKS.replaceAll('{{ E }}', `{{ ${expression} }}`)
      .replaceAll('json E', `json ${expression}`)
      .replaceAll('quote E', `quote ${expression}`)
      .replaceAll('"E is', `"number ${i} is`)
      .replaceAll(/vars: V$/gm, `vars: { unused: 1${site.taskVars} }`)
      .replaceAll('"W }', `"${site.taskVars} }`)
      .replaceAll(/\bN\b/g, String(i)),
  );
  const head = `- hosts: target
  vars_files: [vars.yml]
  defaults_files: [defaults.yml]
  vars:
${site.playVars}  tasks:
${site.firstTasks}`;
  const { files } = site;
  files['play.yml'] = `${head}${sinks.join('')}`;
  files['argv.yml'] = `${head}${canaries
    .map(
      ({ expression }, i) =>
        `    - name: on a command line ${i}\n      core.command: [echo, "{{ ${expression} }}"]\n      vars: { unused: 1${site.taskVars} }\n`,
    )
    .join('')}`;
  for (const [i, { expression }] of canaries.entries())
    files[`wrong-${i}.yml`] =
      `${head}    - fs.file: { path: DIR/wanted/x, mode: "{{ ${expression} }}" }\n      vars: { unused: 1${site.taskVars} }\n`;
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(directory, name, '..'), { recursive: true });
    await writeFile(join(directory, name), text.replaceAll('DIR', onHost));
    await chmod(join(directory, name), 0o600);
  }
  return { directory, canaries, words: ['-i', join(directory, 'inventory'), ...words], env: site.env };
}

function file(name: string, variable: string, indentation = ''): Planting['plant'] {
  return (site, value) => {
    site.files[name] = `${site.files[name] ?? ''}${indentation}${variable}: ${yaml(value)}\n`;
  };
}

export interface Ended {
  readonly code: number;
  readonly written: string;
}

/** The command line in this process, in the directory of a site and without a terminal. */
export async function pitrIn(site: Site, ...words: string[]): Promise<Ended> {
  keepRunsIn(join(site.directory, 'state'));
  let written = '';
  const output = { write: (text: string) => (written += text) };
  const code = await runCommandLine(words, {
    stdout: output,
    stderr: output,
    stdin: new PassThrough(),
    env: { NO_COLOR: '1', ...site.env },
    cwd: site.directory,
    signals: new EventEmitter(),
    leaveNow: () => {},
  });
  return { code, written };
}

/** The sources whose canary can be found in a text, in clear, in base64 (wherever it fell) or in hexadecimal. */
export function leaksIn(text: string, canaries: readonly Canary[]): readonly string[] {
  return canaries
    .filter(({ mark }) => formsOfMark(mark).some((form) => text.includes(form)))
    .map(({ source, mark }) => {
      const found = formsOfMark(mark).find((form) => text.includes(form)) ?? '';
      const at = text.indexOf(found);
      return `${source}: ${text.slice(Math.max(0, at - 80), at + 60)}`;
    });
}

function formsOfMark(mark: string): readonly string[] {
  const bytes = Buffer.from(mark);
  const inBase64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(shift === 0 ? 0 : shift + 1, Math.floor(((bytes.length + shift) * 8) / 6)),
  );
  return [mark, ...inBase64, bytes.toString('hex')];
}

/** Every file below a directory with its text, but those that somebody wanted to hold a secret. */
export async function filesBelow(
  directory: string,
  but: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const all = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const wanted = files.filter((path) => !but.some((one) => path.startsWith(join(directory, one))));
  return new Map(
    await Promise.all(wanted.map(async (path) => [path, await readFile(path, 'latin1')] as const)),
  );
}
