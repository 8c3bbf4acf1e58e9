import type { Engine } from './engine.ts';

/** True when the engine has this image already. */
export async function imageExists(engine: Engine, name: string): Promise<boolean> {
  const found = await engine.listImages({ filters: { reference: [name] } });
  return found.length > 0;
}
