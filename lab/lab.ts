import { rm } from 'node:fs/promises';
import { type LabFiles, labFiles } from './checkout.ts';
import { answeringEngine, type Engine } from './engine.ts';
import { LabError } from './error.ts';
import { type ExecOptions, type ExecResult, execIn } from './exec.ts';
import { metalShape } from './metal/shape.ts';
import { storedVariants } from './metal/variants.ts';
import { type LabShape, ordinaryShape } from './shape.ts';
import { containerName, defaultPrefix, type HostName } from './topology.ts';

/** A lab that may be used: its prefix, its files on this side, and a way into its hosts. */
export interface Lab {
  readonly prefix: string;
  readonly files: LabFiles;
  readonly shape: LabShape;
  readonly engine: Engine;
  /** As execIn, on a host of this lab. */
  exec(host: HostName, argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** As exec, but returns standard output and throws a LabError when the command fails. */
  mustExec(host: HostName, argv: readonly string[], options?: ExecOptions): Promise<string>;
}

/** The prefix that PITR_LAB names, or the default one. Throws a LabError when it cannot name containers. */
export function prefixFrom(environment: Readonly<Record<string, string | undefined>>): string {
  const prefix = environment.PITR_LAB || defaultPrefix;
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(prefix)) {
    throw new LabError(
      `PITR_LAB=${prefix} cannot name a lab: use up to 40 lower-case letters, digits and dashes, e.g. PITR_LAB=my-lab`,
    );
  }
  return prefix;
}

/** A handle on the lab of this prefix; says nothing about whether it is up. */
export function labOn(engine: Engine, prefix: string, shape: LabShape = shapeOf(prefix)): Lab {
  const exec: Lab['exec'] = (host, argv, options) =>
    execIn(engine, containerName(prefix, host), argv, options);
  return {
    prefix,
    engine,
    shape,
    files: labFiles(prefix),
    exec,
    mustExec: async (host, argv, options) => {
      const result = await exec(host, argv, options);
      if (result.exitCode !== 0) {
        const words = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-8).join('\n  ');
        throw new LabError(
          `${host}: \`${argv.join(' ')}\` ended with exit code ${result.exitCode}\n  ${words}`,
        );
      }
      return result.stdout;
    },
  };
}

/** As labOn, with the engine that answers now. Throws a LabError when none does. */
export async function openLab(prefix: string): Promise<Lab> {
  const engine = await answeringEngine();
  if (!engine)
    throw new LabError('no Docker engine answers, so no lab is up: start one with `npm run lab -- up`');
  return labOn(engine, prefix);
}

/** The shape of the lab that was last brought up under this prefix. */
function shapeOf(prefix: string): LabShape {
  const variants = storedVariants(labFiles(prefix).metalVariants);
  return variants === undefined ? ordinaryShape : metalShape(variants);
}

/** Removes the controller's files of a lab. */
export async function forgetFiles(prefix: string): Promise<void> {
  await rm(labFiles(prefix).folder, { recursive: true, force: true });
}
