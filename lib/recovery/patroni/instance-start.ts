import type { WriteHost } from '../../contract/host.ts';
import type { TaskContext } from '../../contract/module.ts';
import { quoteName } from '../postgres/hba.ts';
import type { InstanceState } from '../postgres/instance.ts';
import {
  type InstanceRef,
  prepareRunFiles,
  startInstance,
  stopInstance,
} from '../postgres/instance-control.ts';
import { postgresResource } from '../postgres/instance-resource.ts';
import { checkSocketPath, isolationSettings, runFiles } from '../postgres/isolation.ts';
import type { StartChange } from '../postgres/start-plan.ts';
import { readConfigured, settingsOfPlainStart } from '../postgres/start-settings.ts';
import { majorOfData } from '../postgres/version.ts';
import { atNextStart, closeAccess, openAccess, rolesOf } from './closed-access.ts';

/**
 * Stops an isolated instance where one runs, starts it in one of its three modes and waits for it; see `startInstance`. What
 * can be refused is looked for first: throws kind `refused` or `validation` with nothing stopped and nothing written.
 */
export async function startAs(
  host: WriteHost,
  ref: InstanceRef,
  change: StartChange,
  patienceMs: number,
  context: Pick<TaskContext, 'signal' | 'progress' | 'warn' | 'render'>,
): Promise<InstanceState> {
  const files = runFiles(ref.pgdata, change.socketDirectory);
  const stopFirst = async (): Promise<void> => {
    if (change.restart) await stopInstance(host, ref, 'fast', change.shutdownMs, context.signal);
    await prepareRunFiles(host, ref, files);
  };
  if (change.mode !== 'isolated') {
    const configured = await readConfigured(host, ref);
    await stopFirst();
    // The mark that this data has been started isolated: from here on it is a member's like any other.
    await host.must(['rm', '-f', '--', files.hba], { user: ref.user, cwd: '/' });
    const { control } = await postgresResource.read(host, ref.pgdata);
    await (change.mode === 'closed' ? closeAccess(host, ref, change) : openAccess(host, ref, atNextStart));
    return startInstance(host, ref, settingsOfPlainStart(configured, control?.settings), patienceMs, context);
  }
  checkSocketPath(files.socketDirectory);
  const { version } = await postgresResource.read(host, ref.pgdata);
  const settings = isolationSettings(files, majorOfData(version, ref.pgdata, host.name), change.settings);
  await stopFirst();
  const rules = await context.render('pg_hba/isolated.conf.hbs', {
    roles: (await rolesOf(host, ref, change)).map(quoteName).join(','),
  });
  await host.writeFile(files.hba, rules, { mode: 0o600, user: ref.user });
  return startInstance(host, ref, settings, patienceMs, context);
}
