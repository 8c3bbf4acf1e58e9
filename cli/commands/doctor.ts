import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { type Finding, GROUPS } from '../../lib/recovery/doctor/finding.ts';
import { defineCommand } from '../command.ts';
import { INVENTORY_OPTIONS, OUTPUT_OPTIONS, typedWords } from '../common-options.ts';
import { findingLines, NAGIOS, summaryLine, summaryOf } from '../doctor/report.ts';
import { type LookSession, withLookSession } from '../look-session.ts';
import { oneLine } from '../text.ts';
import { commaList } from '../values.ts';

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Examine everything that a recovery will need, before it is needed',
  description: [
    'Looks at all nodes, at Barman and at the inventory, all at once, and says what would hinder a recovery: what it is, where, what it means and how to mend it. Changes nothing, on no host: it does not even switch a WAL segment. docs/doctor.md lists the checks.',
    'The first line and the exit code are those of a plugin for Nagios and its kin: 0 ok, 1 warning, 2 critical, 3 unknown. What cannot be told is unknown, never ok.',
  ],
  arguments: [],
  options: {
    ...INVENTORY_OPTIONS,
    only: {
      value: 'groups',
      repeat: true,
      text: `Only these groups of checks, or single checks by their id, with commas between them: ${GROUPS.join(', ')}.`,
    },
    host: {
      value: 'pattern',
      text: 'Tell only what is found on these hosts, and what is found on no host in particular. All are looked at all the same: many faults of one host show on another.',
    },
    all: { text: 'Tell also what is well.' },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { text: 'The lab', command: 'pitr doctor -i inventory/lab-docker.yml' },
    {
      text: 'Only what has to do with backups and the archive, on the backup host',
      command: 'pitr doctor -i inventory/lab-ssh.yml --only archiving,backups --host barman',
    },
    { text: 'For a program', command: 'pitr doctor -i inventory/lab-docker.yml --output json' },
  ],
  run: ({ options }, io) =>
    withLookSession(options, io, async (session) => {
      const started = Date.now();
      const { chosenChecks } = await import('../doctor/choose-checks.ts');
      const checks = chosenChecks(commaList('--only', options.only));
      try {
        const { examineSite } = await import('../doctor/examine-site.ts');
        const { findings, hosts } = await examineSite(session.request, checks, {
          pattern: options.host,
          cwd: io.cwd,
          site: typedWords({ ...options, inventory: session.request.inventories }),
        });
        const summary = summaryOf(findings, hosts, (Date.now() - started) / 1000);
        session.emit({ type: 'doctor', exit_code: NAGIOS[summary.severity], ...summary });
        for (const finding of findings) session.emit({ type: 'finding', ...finding });
        session.print([summaryLine(summary), ...told(findings, options.all, session)]);
        return NAGIOS[summary.severity];
      } catch (thrown) {
        return notExamined(thrown, session);
      }
    }),
});

function told(findings: readonly Finding[], all: boolean, session: LookSession): readonly string[] {
  const { paint, columns } = session.view;
  const well = all
    ? findings
        .filter(({ severity }) => severity === 'ok')
        .map(({ check, title }) => `OK        ${check}  ${title}`)
    : [];
  return [
    ...findingLines(findings, { paint, columns: columns() }),
    ...(well.length === 0 ? [] : ['', ...well.map(paint.ok)]),
  ];
}

/** An inventory that cannot be read lets nothing be examined: for monitoring that is a state, too. */
function notExamined(thrown: unknown, session: LookSession): number {
  if (!(thrown instanceof PitrError) || !['validation', 'usage', 'failed'].includes(thrown.kind))
    throw thrown;
  if (thrown.code === 'check-unknown') throw thrown;
  session.emit({ type: 'doctor', exit_code: NAGIOS.unknown, severity: 'unknown', checks: 0, hosts: 0 });
  session.print([`PITR UNKNOWN - nothing was examined: ${oneLine(thrown.message)}`]);
  session.tell(thrown);
  return NAGIOS.unknown;
}
