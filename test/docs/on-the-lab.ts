import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import { journalPath } from '../../lib/engine/journal/place.ts';
import { commandLineFile } from '../support/command-line.ts';

/** The id that stands for a run in pages and in the help. */
const RUN = /20261122T144512-7f3a|<run>/;
/** Recoveries are planned alone (`--dry-run`): other suites carry them out. */
const RECOVERS = /^pitr (?:recover\b|play (?:recover|cutover|rollback|revert)\.yml)/;

/** Enough changes, and names, for what the examples of undo, resume and commit ask for. */
const PLAYBOOK = `- name: What the examples go on with and take back
  hosts: db1
  tasks:
    - name: Make a place
      fs.directory: { path: "{{ place }}" }
    - name: Take the node out of the cluster
      fs.file: { path: "{{ place }}/out", state: touch }
    - name: Make more
      fs.file: { path: "{{ place }}/{{ item }}", state: touch }
      loop: [a, b, c, d, e, f]
    - name: Go on where the gate is open
      core.command: [test, -e, "{{ gate }}"]
      changed_when: false
`;

/** A directory from which examples are typed, and what they leave behind. */
export class Desk implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #directory: string;
  #runs = 0;

  private constructor(lab: Lab, directory: string) {
    this.#lab = lab;
    this.#directory = directory;
  }

  static async of(lab: Lab): Promise<Desk> {
    const desk = new Desk(lab, await mkdtemp(join(tmpdir(), 'pitr-examples-')));
    await writeFile(join(desk.#directory, 'examples.yml'), PLAYBOOK);
    await writeFile(join(desk.#directory, 'recovery.yml'), 'target: db2\n');
    return desk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab.mustExec('db1', ['sh', '-c', `rm -rf "$1"*`, 'sh', this.#place()]);
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Types an example on this lab: its inventories, and where a run is named, one of its own. Gives what failed. */
  async type(line: string, ownInventory = false): Promise<string | undefined> {
    const run = RUN.test(line) || line.includes('journal.jsonl') ? await this.#run(line) : undefined;
    const here = this.#here(line, run);
    const { code, output } = await this.#shell(here, ownInventory);
    return code === 0 ? undefined : `${here}\nexit code ${code}\n${output}`;
  }

  #here(line: string, run: string | undefined): string {
    const here = line
      .replace(/\\\n\s*/g, ' ')
      .replace(/inventory\/(?:lab-docker|prod|production)\.yml/g, this.#lab.files.dockerInventory)
      .replaceAll('inventory/lab-ssh.yml', this.#lab.files.sshInventory)
      .replace(/\S*journal\.jsonl/g, 'journal.jsonl')
      .replace(new RegExp(RUN, 'g'), run ?? '');
    if (RECOVERS.test(here)) return `${here.replace(/ --(?:check|dry-run)\b/g, '')} --dry-run`;
    const asks = /^pitr (?:undo|commit|resume) /.test(here) && !/ --(?:check|list|yes)\b/.test(here);
    return `${here}${asks ? ' --yes' : ''}${/^pitr (?:undo|resume) journal/.test(here) ? ' --trust-journal' : ''}`;
  }

  /** A run that an example can go on with (`pitr resume`: it has failed) or take back. */
  async #run(line: string): Promise<string> {
    this.#runs += 1;
    const place = this.#place(this.#runs);
    const fails = /pitr resume/.test(line);
    const gate = fails ? `${place}.gate` : '/';
    const { output } = await this.#shell(
      `pitr play examples.yml -e place=${place} -e gate=${gate} --output json`,
      false,
    );
    const id = /"runId":"([^"]+)"/.exec(output)?.[1];
    if (id === undefined) throw new Error(`the run of the examples did not begin: ${output}`);
    if (fails) await this.#lab.mustExec('db1', ['touch', gate]);
    await cp(journalPath(id, join(this.#directory, 'state')), join(this.#directory, 'journal.jsonl'));
    return id;
  }

  #place(number?: number): string {
    return `/tmp/pitr-examples-${process.pid}-${number ?? ''}`;
  }

  #shell(
    line: string,
    ownInventory: boolean,
  ): Promise<{ readonly code: number | null; readonly output: string }> {
    const shell = 'main=$1; pitr() { "$NODE" "$main" "$@"; }; eval "$2"';
    return new Promise((resolve, reject) => {
      const child = spawn('sh', ['-c', shell, 'sh', commandLineFile(), line], {
        cwd: this.#directory,
        env: {
          ...process.env,
          NODE: process.execPath,
          PITR_STATE_DIR: join(this.#directory, 'state'),
          ...(ownInventory ? {} : { PITR_INVENTORY: this.#lab.files.dockerInventory }),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, output }));
    });
  }
}
