/** A condition or expression of a param, evaluated by the engine, as the module gets it. */
export interface Evaluated<T> {
  readonly source: string;
  readonly value: T;
}
