import { z } from 'zod';
import { defined } from '../../base/values/defined.ts';
import { known } from '../../contract/known.ts';
import { defineLook } from '../../contract/module.ts';
import { patroniUnknown } from '../../recovery/patroni/member-plan.ts';
import { patroniParams, patroniServiceParams } from '../../recovery/patroni/params.ts';
import { livingWords, patroniThere, stopsLiving } from '../../recovery/patroni/service-process.ts';
import { serviceCommand, serviceId, serviceResource } from '../../system/service/service-resource.ts';
import { commandLine } from '../../transport/quote.ts';

const params = z.strictObject({ ...patroniServiceParams, config: patroniParams.config });

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Tells whether Patroni runs on its node.',
  description:
    'By the word of what manages its service, and not by its REST API: one that has just been started does not answer ' +
    'yet. Where the service does not run it, a process of a Patroni with this configuration tells that it runs all the ' +
    'same: in another unit, or started by hand. Fails where the manager does not answer, or knows no such service.',
  examples: `- patroni.service:
  register: patroni_there
- core.assert:
    that: "!patroni_there.up"`,
  params,
  returns: {
    up: 'whether it runs, or is on its way up or down',
    state: 'of the service: running, stopped or failed',
    detail: "the manager's own words",
    other:
      'the configuration of the Patroni that it runs, where that is another Patroni than the one of `config`; the process in whose environment it is, where that has no file',
    among:
      'the program that the service is, where that runs Patroni among other things (supervisord, cron, sshd): to stop it stops them all',
    stop: 'the command that stops the Patroni that runs there: its service, or what runs beside it',
    beside: 'the Patroni of `config` that runs and that the service does not run, in words',
  },
  dependsOn: ({ manager, service }: Params) => [
    { kind: serviceResource.kind, id: serviceId(manager, service) },
  ],
  read: async (host, { manager, service, config }) => {
    const seen = known(await host.look(serviceResource, serviceId(manager, service)));
    const { state, changing, detail } = seen;
    if (state === 'missing') throw patroniUnknown({ manager, service });
    const { served, beside } = await patroniThere(host, { manager, service, config }, seen);
    return defined({
      up: state === 'running' || changing !== undefined || beside !== undefined,
      state,
      detail,
      other: typeof served === 'object' && 'other' in served ? served.other : undefined,
      among: typeof served === 'object' && 'among' in served ? served.among : undefined,
      stop:
        beside === undefined ? commandLine(serviceCommand(manager, service, 'stop')) : stopsLiving(beside),
      beside: beside === undefined ? undefined : livingWords(beside),
    });
  },
});
