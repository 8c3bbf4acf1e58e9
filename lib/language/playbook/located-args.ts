import type { Located } from '../yaml/located.ts';
import type { Mapping } from './fields.ts';

/** A plain value as the one param of that name: its place is the place of the value. */
export function underName(located: Located, name: string): Located<Mapping> {
  return {
    value: { [name]: located.value },
    at: located.at,
    locate: (path) => (path[0] === name ? located.locate(path.slice(1)) : located.at),
    locateKey: (path) =>
      path[0] === name && path.length > 1 ? located.locateKey(path.slice(1)) : located.at,
  };
}

/** Params from several places as one mapping; later ones win, and each is located where it was written. */
export function mergedArgs(layers: readonly [Located<Mapping>, ...Located<Mapping>[]]): Located<Mapping> {
  const [first] = layers;
  const last = layers.at(-1) ?? first;
  const holder = (path: readonly (string | number)[]): Located<Mapping> =>
    layers.findLast((layer) => Object.hasOwn(layer.value, String(path[0]))) ?? last;
  return {
    value: Object.assign({}, ...layers.map((layer) => layer.value)),
    at: last.at,
    locate: (path) => (path.length === 0 ? last.at : holder(path).locate(path)),
    locateKey: (path) => (path.length === 0 ? last.at : holder(path).locateKey(path)),
  };
}
