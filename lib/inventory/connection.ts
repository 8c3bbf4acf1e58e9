import type { ResolveConnection } from './model.ts';

/** The connection variables of a host as settings. Throws kind `validation` with the place of a wrong one. */
export const connectionSettings: ResolveConnection = () => {
  throw new Error('being written');
};
