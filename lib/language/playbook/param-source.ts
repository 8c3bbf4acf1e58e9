import type { Located } from '../yaml/located.ts';

/** Where params were written. */
export interface ParamSource extends Pick<Located, 'at' | 'locate' | 'locateKey'> {
  /** What gave this very value, in the words of whoever typed it; nothing where that is not known. */
  readonly givenBy?: ((value: unknown) => string | undefined) | undefined;
}
