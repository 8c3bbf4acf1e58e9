import { readFile } from 'node:fs/promises';
import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import { listModules, loadModule, modulesCalled, nearestModule } from '../../modules/registry.ts';
import { loadYaml } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { ProblemList } from './problems.ts';

/** What the loading of one playbook shares: its problems, the modules that it may name, and the way to its files. */
export class LoadContext {
  readonly problems = new ProblemList();
  #userDirs: readonly string[] = [];
  #names: readonly string[] = [];
  #called = new Map<string, readonly string[]>();
  readonly #lists = new Map<string, readonly string[]>();
  readonly #freeForms = new Map<string, Promise<string | undefined>>();

  /** From here on tasks may call the product's modules and those that lie in `modules/` of this directory. */
  async useModulesBeside(directory: string): Promise<void> {
    const names = this.#lists.get(directory) ?? (await listModules([directory]));
    this.#lists.set(directory, names);
    this.#userDirs = [directory];
    this.#names = names;
    this.#called = new Map();
  }

  modulesCalled(written: string): readonly string[] {
    let found = this.#called.get(written);
    if (found === undefined) {
      found = modulesCalled(written, this.#names);
      this.#called.set(written, found);
    }
    return found;
  }

  nearestModule(written: string): string | undefined {
    return nearestModule(written, this.#names);
  }

  get moduleNames(): readonly string[] {
    return this.#names;
  }

  /** The param that a plain text under the module's name is taken for. */
  freeForm(name: string, at: SourcePosition): Promise<string | undefined> {
    let freeForm = this.#freeForms.get(name);
    if (freeForm === undefined) {
      freeForm = loadModule(name, this.#userDirs).then(
        (module) => module.freeForm,
        (error: unknown) => {
          this.problems.take(error, at);
          // Any name will do: the playbook is refused anyway, and its other problems are still wanted.
          return 'text';
        },
      );
      this.#freeForms.set(name, freeForm);
    }
    return freeForm;
  }

  /** Reads a file of YAML; nothing when it cannot be read or is not YAML, which is a problem then. */
  async yaml(file: string, from?: SourcePosition): Promise<Located | undefined> {
    try {
      return loadYaml(file, await readText(file));
    } catch (error) {
      this.problems.take(error, from);
      return undefined;
    }
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new PitrError({
      kind: 'validation',
      code: 'file-unreadable',
      message: `cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`,
      cause: error,
    });
  }
}
