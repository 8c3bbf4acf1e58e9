/**
 * What a module of one's own works with: `import { defineModule, z } from 'pitr/module'`, or the argument of a module
 * that is written as a function. It is the public face of pitr for authors of modules; docs/writing-modules.md tells it.
 */
export { z } from 'zod';
export { PitrError, type PitrErrorFacts } from '../base/errors/pitr-error.ts';
export { formatBytes, parseBytes } from '../base/values/bytes.ts';
export { Unknown } from '../base/values/unknown.ts';
export { durationParam, formatDuration, milliseconds } from '../base/wait/duration.ts';
export { deadlinePassed, rest, until, type Waiting } from '../base/wait/until.ts';
export type { ClusterStep, Effect, Lasting } from '../contract/effects.ts';
export type { ReadHost, Resource, WriteHost } from '../contract/host.ts';
export { known } from '../contract/known.ts';
export {
  type Change,
  type ChangeModule,
  type ControlModule,
  type Diff,
  defineControl,
  defineLook,
  defineModule,
  type Journalled,
  type LookModule,
  type NewerChange,
  type Result,
  type TaskContext,
  type WorkContext,
} from '../contract/module.ts';
export { mayAlter, mayTouch } from '../contract/newer-changes.ts';
export type { Evaluated } from '../contract/params.ts';
export { type Probe, type ProbeOptions, probe, probeScript } from '../contract/probe.ts';
export { type Prediction, predicted, predictedChange } from '../contract/resource.ts';
export { type ProcessState, processResource } from '../system/core/process-resource.ts';
export { type PathState, pathResource } from '../system/fs/path-resource.ts';
export { predictedText, readContent, readText } from '../system/fs/read-content.ts';
export {
  type ServiceManager,
  type ServiceState,
  serviceCommand,
  serviceId,
  serviceResource,
} from '../system/service/service-resource.ts';
export { commandFailed, evidenceOf, howItEnded } from '../transport/command-failed.ts';
export type { RunOptions, RunResult } from '../transport/types.ts';
