import type { WriteHost } from '../../contract/host.ts';
import type { TaskContext } from '../../contract/module.ts';
import { quoteName } from '../postgres/hba.ts';
import type { InstanceState } from '../postgres/instance.ts';
import { type InstanceRef, prepareRunFiles, startInstance } from '../postgres/instance-control.ts';
import { postgresResource } from '../postgres/instance-resource.ts';
import { checkSocketPath, isolationSettings, runFiles } from '../postgres/isolation.ts';
import type { StartSpec } from '../postgres/start-plan.ts';
import { readConfigured, settingsOfPlainStart } from '../postgres/start-settings.ts';
import { majorOfData } from '../postgres/version.ts';
import { atNextStart, closeAccess, openAccess, rolesOf } from './closed-access.ts';

/**
 * Starts an instance in one of its three modes and waits for it; see `startInstance`. One that runs otherwise is stopped by
 * `stop` first: not before it is known that its files let it start.
 */
export async function startAs(
  host: WriteHost,
  ref: InstanceRef,
  spec: StartSpec,
  { patienceMs, stop }: { readonly patienceMs: number; readonly stop: () => Promise<void> },
  context: Pick<TaskContext, 'signal' | 'progress' | 'warn' | 'render'>,
): Promise<InstanceState> {
  const files = runFiles(ref.pgdata, spec.socketDirectory);
  if (spec.mode === 'isolated') checkSocketPath(files.socketDirectory);
  const configured = spec.mode === 'isolated' ? undefined : await readConfigured(host, ref);
  await stop();
  await prepareRunFiles(host, ref, files);
  if (configured !== undefined) {
    // The mark that this data has been started isolated: from here on it is a member's like any other.
    await host.must(['rm', '-f', '--', files.hba], { user: ref.user, cwd: '/' });
    const { control } = await postgresResource.read(host, ref.pgdata);
    await (spec.mode === 'closed' ? closeAccess(host, ref, spec) : openAccess(host, ref, atNextStart));
    return startInstance(host, ref, settingsOfPlainStart(configured, control?.settings), patienceMs, context);
  }
  const rules = await context.render('pg_hba/isolated.conf.hbs', {
    roles: (await rolesOf(host, ref, spec)).map(quoteName).join(','),
  });
  await host.writeFile(files.hba, rules, { mode: 0o600, user: ref.user });
  const { version } = await postgresResource.read(host, ref.pgdata);
  const settings = isolationSettings(files, majorOfData(version, ref.pgdata, host.name), spec.settings);
  return startInstance(host, ref, settings, patienceMs, context);
}
