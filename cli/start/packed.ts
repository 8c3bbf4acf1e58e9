#!/usr/bin/env node
import { createRequire, Module } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { saidVersion } from '../product.ts';
import type { program } from '../program.ts';
import { CodeCache } from './code-cache.ts';
import { mapStacks } from './stacks.ts';

// The start of the installed pitr. All of it is one file beside this one: Node's loader takes longer to find and compile
// hundreds of files than most commands take to run.

/** What the one file exports; `lab/bundle.mjs` makes it. */
interface Bundle {
  readonly program: typeof program;
  /** The names of its parts that have been started so far. */
  readonly started: readonly string[];
}

/** A process that has run for longer may have thrown compiled code away. */
const FRESH_SECONDS = 30;

function compiled(file: string): { readonly script: Script; readonly cache: CodeCache } {
  const { source, data: cachedData, cache } = CodeCache.open(file);
  const script = new Script(Module.wrap(source), {
    filename: file,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  return { script, cache };
}

function start(file: string, words: readonly string[]): void {
  const { script, cache } = compiled(file);
  const module = new Module(file);
  const required = createRequire(file);
  // Who asks Node for the file (`pitr/module`, when a package beside a user's module imports it) gets this very instance.
  required.cache[file] = module;
  script.runInThisContext()(module.exports, required, module, file, dirname(file));
  module.loaded = true;
  mapStacks(file);
  const { program: run, started } = module.exports as Bundle;
  void run(words, () => {
    if (process.uptime() < FRESH_SECONDS) cache.keep(script, started);
  });
}

const words = process.argv.slice(2);
if (!saidVersion(words)) start(join(__dirname, 'pitr.js'), words);
