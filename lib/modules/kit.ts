import { z } from 'zod';
import { PitrError } from '../base/errors/pitr-error.ts';
import { Unknown } from '../base/values/unknown.ts';
import { defineControl, defineLook, defineModule } from '../contract/module.ts';
import { probe, probeScript } from '../contract/probe.ts';
import { predicted } from '../contract/resource.ts';
import { pathResource } from '../system/fs/path-resource.ts';

/**
 * What a user's own module is given when it is written as a function: everything that it needs of pitr and of zod,
 * so that a file beside a playbook needs no package of its own. `export const module = ({ z, defineLook }) => ...`.
 */
export const kit = {
  z,
  defineLook,
  defineControl,
  defineModule,
  probe,
  probeScript,
  predicted,
  pathResource,
  PitrError,
  Unknown,
} as const;

export type ModuleKit = typeof kit;
