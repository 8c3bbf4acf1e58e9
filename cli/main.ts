#!/usr/bin/env node
// The start from the sources; what is installed starts with `start/packed.ts`.
import { saidVersion } from './product.ts';

const words = process.argv.slice(2);
if (!saidVersion(words)) {
  const { program } = await import('./program.ts');
  await program(words);
}
