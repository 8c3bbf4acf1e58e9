import type { Unknown } from '../base/values/unknown.ts';
import type { Resource } from './host.ts';

/** What a change would leave behind, for check mode. */
export type Prediction =
  | {
      readonly kind: string;
      readonly id: string;
      /** Inventory name of the host, where it is not the task's own. */
      readonly host?: string;
      readonly state: unknown;
      /** For trees: what lies below. `absent`: nothing; `unknown`: something, what exactly only the run can tell. */
      readonly within?: 'absent' | 'unknown';
    }
  | {
      readonly kind: string;
      readonly id: string;
      readonly host?: string;
      /** What would differ from the state that is there now, where the rest of it stays as it is (one member of a cluster). */
      readonly changed: (before: unknown) => unknown;
    }
  | {
      /** A subtree would be renamed, with all that is predicted in it. */
      readonly kind: string;
      readonly host?: string;
      readonly moved: { readonly from: string; readonly to: string };
    };

/** A typed prediction: `predicted(pathResource, '/a', state)`. */
export function predicted<S>(
  resource: Resource<S>,
  id: string,
  state: S | Unknown,
  within?: 'absent' | 'unknown',
): Prediction {
  return within === undefined
    ? { kind: resource.kind, id, state }
    : { kind: resource.kind, id, state, within };
}

/** A typed prediction that keeps what is there and changes a part of it. */
export function predictedChange<S>(
  resource: Resource<S>,
  id: string,
  changed: (before: S) => S | Unknown,
): Prediction {
  // The state handed over is what this very resource read or an earlier prediction of it gave.
  return { kind: resource.kind, id, changed: (before) => changed(before as S) };
}
