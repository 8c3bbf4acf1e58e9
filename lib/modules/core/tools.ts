import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { defineLook } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { debianPackage } from '../../system/core/debian-packages.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const command = z.string().regex(/^[^\s\0-][^\s\0]*$/, 'expected the name or path of a command');

const params = z.strictObject({
  commands: z
    .union([command, z.array(command).min(1)])
    .describe('names of commands, or their absolute paths'),
  user: z.string().min(1).optional().describe('OS user whose PATH counts; without it the user of the task'),
});

// dash's "command -v" answers for its first argument only, and counts functions and builtins: those will do as well.
const FIND = probeScript('for c do command -v -- "$c" || echo; done');

export const module = defineLook({
  summary: 'Refuses to go on unless the commands named are on the host.',
  examples: `- core.tools: { commands: [rsync, barman-wal-restore] }
- core.tools:
    commands: ["{{ pg_bin }}/pg_controldata", "{{ pg_bin }}/postgres"]
    user: postgres`,
  params,
  freeForm: 'commands',
  returns: { paths: 'where each one was found' },
  read: async (host, { commands, user }) => {
    const names = typeof commands === 'string' ? [commands] : commands;
    const answer = await host.query(FIND(names, { ...(user === undefined ? {} : { user }) }));
    // A line for each, also for one that is not there.
    const found = answer.stdout.split('\n').slice(0, -1);
    if (found.length !== names.length || answer.exitCode !== 0) {
      throw new PitrError({
        kind: 'failed',
        code: 'tools-unknown',
        message: 'cannot tell which commands the host has',
        evidence: { ...evidenceOf(answer), command: `command -v ${names.join(' ')}` },
      });
    }
    const missing = names.filter((_, i) => found[i] === '');
    if (missing.length > 0) throw toolsMissing(host.name, missing);
    return { paths: Object.fromEntries(names.map((name, i) => [name, found[i] ?? ''])) };
  },
});

function toolsMissing(host: string, missing: readonly string[]): PitrError {
  const packages = new Set(missing.flatMap((name) => debianPackage(name) ?? []));
  const strangers = missing.filter((name) => debianPackage(name) === undefined);
  return new PitrError({
    kind: 'refused',
    code: 'tool-missing',
    message: `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing on ${host}`,
    details: missing.map((name) => {
      const from = debianPackage(name);
      return from === undefined ? name : `${name}: in Debian's package ${from}`;
    }),
    next: [
      ...(packages.size > 0
        ? [
            `apt-get install ${[...packages].join(' ')}`,
            'Or, where it is installed elsewhere, link it into the PATH of the user that runs it.',
          ]
        : []),
      ...(strangers.length > 0
        ? [`Put ${strangers.join(', ')} into the PATH of the user that runs it, or give the whole path.`]
        : []),
    ],
  });
}
