import { Masker } from '../lib/base/values/masker.ts';
import { isSecretName } from '../lib/base/values/secret-names.ts';
import type { Io, Output } from './io.ts';

/**
 * The process's own Io with a masker before both streams: whatever a command writes, and whoever wrote the text, a secret
 * that pitr was given does not pass. It knows those of the environment from the beginning; others when they are read.
 */
export function maskedIo(io: Omit<Io, 'masker'>): Io {
  const masker = new Masker();
  for (const [name, value] of Object.entries(io.env))
    if (value !== undefined && isSecretName(name)) masker.add(value);
  return { ...io, masker, stdout: masked(io.stdout, masker), stderr: masked(io.stderr, masker) };
}

function masked<O extends Output>(output: O, masker: Masker): O {
  const own = output.write;
  const write = (text: unknown, ...more: unknown[]): unknown =>
    Reflect.apply(own, output, [typeof text === 'string' ? masker.text(text) : text, ...more]);
  // A live display puts a function of its own there, and later back what it had found.
  let inPlace: unknown = write;
  return new Proxy(output, {
    get: (target, property) => {
      if (property === 'write') return inPlace;
      const value: unknown = Reflect.get(target, property, target);
      // Streams keep what is theirs in private fields, which a stand-in does not have.
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, property, value) => {
      if (property !== 'write') return Reflect.set(target, property, value, target);
      inPlace = value;
      return true;
    },
  });
}
