import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import type { AnyModule } from '../../contract/module.ts';
import { paramsOf } from '../../modules/params.ts';
import {
  listModules,
  loadModule,
  modulesCalled,
  modulesOfFamilies,
  nearestModule,
} from '../../modules/registry.ts';
import { loadYaml } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { ProblemList } from './problems.ts';
import { readText } from './read-text.ts';

/** How a module takes a plain text. */
export interface ModuleForm {
  /** The param that it is for; nothing where the module takes none. */
  readonly param: string | undefined;
  readonly words: NonNullable<AnyModule['freeFormWords']>;
  /** The names of all params. */
  readonly params: readonly string[];
}

/** What the loading of one playbook shares: its problems, the modules that it may name, and the way to its files. */
export class LoadContext {
  readonly problems = new ProblemList();
  #userDirs: readonly string[] = [];
  #names: readonly string[] = [];
  #called = new Map<string, readonly string[]>();
  readonly #lists = new Map<string, readonly string[]>();
  readonly #forms = new Map<string, Promise<ModuleForm>>();

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

  /** Modules of that name in families that have to be named with it. */
  modulesOfFamilies(written: string): readonly string[] {
    return modulesOfFamilies(written, this.#names);
  }

  nearestModule(written: string): string | undefined {
    return nearestModule(written, this.#names);
  }

  get moduleNames(): readonly string[] {
    return this.#names;
  }

  /** What a plain text under the module's name is taken for. */
  freeForm(name: string, at: SourcePosition): Promise<ModuleForm> {
    let form = this.#forms.get(name);
    if (form === undefined) {
      form = loadModule(name, this.#userDirs).then(
        ({ freeForm, freeFormWords = {}, params }) => ({
          param: freeForm,
          words: freeFormWords,
          params: (paramsOf(params)?.params ?? []).map((param) => param.name),
        }),
        (error: unknown) => {
          this.problems.take(error, at);
          // Any name will do: the playbook is refused anyway, and its other problems are still wanted.
          return { param: 'text', words: {}, params: [] };
        },
      );
      this.#forms.set(name, form);
    }
    return form;
  }

  /** Reads a file of YAML; nothing when it cannot be read or is not YAML, which is a problem then. */
  async yaml(file: string, from?: SourcePosition): Promise<Located | undefined> {
    try {
      return loadYaml(file, await readText(file, (why, cause) => unreadable(file, why, cause)));
    } catch (error) {
      this.problems.take(error, from);
      return undefined;
    }
  }
}

function unreadable(file: string, why: string, cause: unknown): PitrError {
  return new PitrError({
    kind: 'validation',
    code: 'playbook-file-unreadable',
    message: `cannot read ${file}: ${why}`,
    cause,
  });
}
