import { answeringEngine } from '../../lab/engine.ts';
import { ensureImage } from '../../lab/image.ts';
import { silent } from '../../lab/progress.ts';
import { fateHere } from '../../lib/engine/journal/status.ts';

export interface OwnContainer extends AsyncDisposable {
  readonly name: string;
}

/** Containers of tests that were killed are known by this label, and swept at the next start. */
const LABEL = 'pitr.test.modules';

/** Where this file is, `stubborn` does not hear TERM: supervisor calls it running before it has come to that. */
export const TRAPPED = '/run/stubborn-trapped';

const INIT = `set -e
printf '[program:napper]\\ncommand=sleep 1000\\nautostart=false\\nstartsecs=1\\n' >/etc/supervisor/conf.d/napper.conf
printf '[program:dier]\\ncommand=sh -c "exit 7"\\nautostart=false\\nstartsecs=1\\nstartretries=1\\n' >/etc/supervisor/conf.d/dier.conf
printf '[program:stubborn]\\ncommand=sh -c "trap : TERM; touch ${TRAPPED}; while :; do sleep 0.2; done"\\nautostart=false\\nstartsecs=0\\nstopwaitsecs=600\\n' >/etc/supervisor/conf.d/stubborn.conf
exec supervisord -n -c /etc/supervisor/supervisord.conf`;

/**
 * A container of the lab's image, with nothing but supervisor in it: free to be changed. Removed when disposed. It has
 * what Docker gives to every container, and the capabilities that are named.
 */
export async function ownContainer(...capabilities: readonly string[]): Promise<OwnContainer> {
  const engine = await answeringEngine();
  if (engine === undefined) throw new Error('no Docker engine answers');
  const image = await ensureImage(engine, silent);
  const container = await engine.createContainer({
    Image: image,
    Entrypoint: ['sh', '-c', INIT],
    Labels: { [LABEL]: String(process.pid) },
    HostConfig: { AutoRemove: true, Init: true, CapAdd: [...capabilities] },
  });
  await container.start();
  const { Name } = await container.inspect();
  return {
    name: Name.replace(/^\//, ''),
    [Symbol.asyncDispose]: async () => {
      await container.remove({ force: true });
    },
  };
}

/** Removes what killed runs left behind. */
export async function sweepContainers(): Promise<void> {
  const engine = await answeringEngine();
  const left = await engine?.listContainers({ all: true, filters: { label: [LABEL] } });
  for (const { Id, Labels } of left ?? []) {
    if (fateHere({ pid: Number(Labels[LABEL]) }) === 'died')
      await engine?.getContainer(Id).remove({ force: true });
  }
}
