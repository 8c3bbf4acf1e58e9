import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import { journalPath } from '../../lib/engine/journal/place.ts';
import { commandLineFile } from '../support/command-line.ts';
import type { Scene } from '../support/lab.ts';
import { type LabWords, labWords, RUN, typedHere } from './typed-here.ts';

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
    - name: Look at the gate
      fs.stat: { path: "{{ gate }}" }
      register: seen
    - name: Go on where it is open
      core.assert: { that: seen.exists, fail_msg: the gate is shut }
`;

/** A directory in which a group of examples is typed, one after the other. */
export interface Seat {
  readonly cwd: string;
  /** The inventory is the one that the examples write there, not the lab's. */
  readonly ownInventory: boolean;
}

/** Where examples are typed, in a directory for each group of them, and what they leave behind. */
export class Desk implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #words: LabWords;
  readonly #directory: string;
  /** Runs of examples that only look, by whether they have failed: one will do for all. */
  readonly #looked = new Map<boolean, Promise<string>>();
  readonly #typed = new Set<string>();
  #seats = 0;
  #runs = 0;

  private constructor(lab: Lab, words: LabWords, directory: string) {
    this.#lab = lab;
    this.#words = words;
    this.#directory = directory;
  }

  /** `scene`: an accident on that lab, whose recovery the examples look at. */
  static async of(lab: Lab, scene: Scene): Promise<Desk> {
    return new Desk(lab, labWords(lab, scene), await mkdtemp(join(tmpdir(), 'pitr-examples-')));
  }

  /** A new, empty directory for the examples that come; `ownInventory`: with the inventory that they write there. */
  async sit(ownInventory: boolean): Promise<Seat> {
    this.#seats += 1;
    const cwd = join(this.#directory, String(this.#seats));
    await mkdir(cwd);
    await writeFile(join(cwd, 'examples.yml'), PLAYBOOK);
    await writeFile(join(cwd, 'recovery.yml'), 'target: db2\n');
    return { cwd, ownInventory };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab.mustExec('db1', ['sh', '-c', `rm -rf "$1"*`, 'sh', this.#place()]);
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Types an example on this lab: its inventories, and where a run is named, one of its own. Gives what failed. */
  async type(line: string, seat: Seat): Promise<string | undefined> {
    // The same line stands in several pages; one that needs those before it is typed every time.
    if (!seat.ownInventory && this.#typed.has(line)) return undefined;
    this.#typed.add(line);
    const run = RUN.test(line) || line.includes('journal.jsonl') ? await this.#runFor(line, seat) : undefined;
    const here = typedHere(line, this.#words, run);
    const { code, output } = await this.#shell(here, seat);
    return code === 0 ? undefined : `${here}\nexit code ${code}\n${output}`;
  }

  /** A run that an example can go on with (`pitr resume`: it has failed), take back, or look at. */
  async #runFor(line: string, seat: Seat): Promise<string> {
    const fails = line.includes('pitr resume');
    const looks = /^pitr runs| --(?:check|list)\b/.test(line);
    const id = await ((looks ? this.#looked.get(fails) : undefined) ?? this.#run(fails, seat));
    if (looks) this.#looked.set(fails, Promise.resolve(id));
    await cp(journalPath(id, join(this.#directory, 'state')), join(seat.cwd, 'journal.jsonl'));
    return id;
  }

  async #run(fails: boolean, { cwd }: Seat): Promise<string> {
    this.#runs += 1;
    const place = this.#place(this.#runs);
    const gate = fails ? `${place}.gate` : '/';
    const { output } = await this.#shell(
      `pitr play examples.yml -e place=${place} -e gate=${gate} --output json`,
      { cwd, ownInventory: false },
    );
    const id = /"runId":"([^"]+)"/.exec(output)?.[1];
    if (id === undefined) throw new Error(`the run of the examples did not begin: ${output}`);
    if (fails) await this.#lab.mustExec('db1', ['touch', gate]);
    return id;
  }

  #place(number?: number): string {
    return `/tmp/pitr-examples-${process.pid}-${number ?? ''}`;
  }

  #shell(
    line: string,
    { cwd, ownInventory }: Seat,
  ): Promise<{ readonly code: number | null; readonly output: string }> {
    const shell = 'main=$1; pitr() { "$NODE" "$main" "$@"; }; eval "$2"';
    return new Promise((resolve, reject) => {
      const child = spawn('sh', ['-c', shell, 'sh', commandLineFile(), line], {
        cwd,
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
