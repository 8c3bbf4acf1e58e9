import type { Unknown } from '../base/values/unknown.ts';
import type { Resource } from './host.ts';

/** What a change would leave behind, for check mode. */
export type Prediction = PredictedState | PredictedChange | PredictedMove;

interface Predicted {
  readonly kind: string;
  /** Inventory name of the host, where it is not the task's own. */
  readonly host?: string;
  /** Where there is one such resource for the whole run. */
  readonly scope?: Resource<unknown>['scope'];
}

interface PredictedState extends Predicted {
  readonly id: string;
  readonly state: unknown;
  /** For trees: what lies below. `absent`: nothing; `unknown`: something, what exactly only the run can tell. */
  readonly within?: 'absent' | 'unknown';
}

interface PredictedChange extends Predicted {
  readonly id: string;
  /** What would differ from the state that is there now, where the rest of it stays as it is (one member of a cluster). */
  readonly changed: (before: unknown) => unknown;
}

/** A subtree would be renamed, with all that is predicted in it. */
interface PredictedMove extends Predicted {
  readonly moved: { readonly from: string; readonly to: string };
}

/** A typed prediction: `predicted(pathResource, '/a', state)`. */
export function predicted<S>(
  resource: Resource<S>,
  id: string,
  state: S | Unknown,
  within?: 'absent' | 'unknown',
): Prediction {
  const { kind, scope } = resource;
  return within === undefined ? { kind, scope, id, state } : { kind, scope, id, state, within };
}

/** A typed prediction that keeps what is there and changes a part of it. */
export function predictedChange<S>(
  resource: Resource<S>,
  id: string,
  changed: (before: S) => S | Unknown,
): Prediction {
  // The state handed over is what this very resource read or an earlier prediction of it gave.
  return { kind: resource.kind, scope: resource.scope, id, changed: (before) => changed(before as S) };
}
