import { PitrError } from '../base/errors/pitr-error.ts';
import { mend, named, placeInStack } from './source-place.ts';
import { unlessStuck } from './stuck.ts';

/**
 * What a user's file exports as `module`, made where it is a function. TypeScript or JavaScript, with the files beside
 * it that it imports; `pitr/module` and `zod` are this very pitr's, so that nothing need be installed beside the file.
 *
 * Throws kind `validation` (`module-import-failed`) with the place in the file.
 */
export async function importUsers(name: string, file: string): Promise<unknown> {
  const load = await loader();
  try {
    const namespace: Record<string, unknown> = Object(
      await unlessStuck(load(file), () => new Error('it waits for what can never come')),
    );
    const exported = namespace.module;
    return typeof exported === 'function' ? exported(await import('./kit.ts')) : exported;
  } catch (thrown) {
    throw importFailed(name, file, thrown);
  }
}

let loading: Promise<(file: string) => Promise<unknown>> | undefined;

/** Loaded when the first module of a user is: it takes a third of a second. */
function loader(): Promise<(file: string) => Promise<unknown>> {
  loading ??= (async () => {
    const [{ createJiti }, kit, zod] = await Promise.all([import('jiti'), import('./kit.ts'), import('zod')]);
    const jiti = createJiti(import.meta.url, {
      // No code that root runs is ever taken from a cache in /tmp.
      fsCache: false,
      interopDefault: false,
      virtualModules: { 'pitr/module': kit, zod },
    });
    return (file) => jiti.import(file);
  })();
  return loading;
}

function importFailed(name: string, file: string, thrown: unknown): PitrError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  // A file that cannot be parsed has no stack of its own: its place stands on the last line of the message.
  const [, message = error.message, where, line, column] =
    /^(?:ParseError: )?(.*?)\s*\n\s*(\/.*):(\d+):(\d+)$/s.exec(error.message) ?? [];
  const at =
    where === undefined
      ? (placeInStack(error, file) ?? { file, line: 1, column: 1 })
      : { file: where, line: Number(line), column: Number(column) };
  return new PitrError({
    kind: 'validation',
    code: 'module-import-failed',
    message: `module "${name}" cannot be imported: ${message.split('\n')[0] ?? ''}`,
    at: named(at),
    next: [mend(at.file)],
    cause: thrown,
  });
}
