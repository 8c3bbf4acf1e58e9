import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import { type HostIdentity, isStill } from '../../system/core/host-identity.ts';
import type { HostConnection, RemoteProcess } from '../../transport/types.ts';

/** The machines that a run has changed: what goes back on it, or goes on with it, works on no others. */
export interface KnownMachines {
  readonly runId: string;
  readonly machines: ReadonlyMap<string, HostIdentity>;
  /** The command that is being typed, to be named in errors. */
  readonly again: string;
}

/** Throws kind `refused` where a host is not the machine that the run has changed, or where nobody can tell. */
export function refuseAnother(
  { runId, machines, again }: KnownMachines,
  { name, address }: Pick<HostConnection, 'name' | 'address'>,
  now: HostIdentity,
): void {
  const once = machines.get(name);
  const still = once === undefined ? 'yes' : isStill(once, now);
  if (once === undefined || still === 'yes') return;
  const words = { host: name, state: 'nothing was changed there' };
  const next = [
    `Put the way to ${name} in the inventory right, or name the inventory in which it is that machine: -i path/to/inventory.yml`,
    `Where it is that machine under a new name, or was moved to this one with all its data: ${again} --other-machine ${name}`,
  ];
  if (still === 'unknown')
    throw new PitrError({
      ...words,
      kind: 'refused',
      code: 'machine-unknown',
      message: `whether ${name} is still the machine that run ${runId} has changed cannot be told: it does not tell its name`,
      details: [`changed was ${machineWords(once)}`, `reached as ${address}`],
      next,
    });
  throw new PitrError({
    ...words,
    kind: 'refused',
    code: 'another-machine',
    message: `${name} is not the machine that run ${runId} has changed: that was ${machineWords(once)}, this is ${machineWords(now)}`,
    details: [`reached as ${address}`],
    next,
  });
}

/** `db1 (machine-id 5f2c...)` */
function machineWords({ name, machine }: HostIdentity): string {
  return `${name ?? 'a machine without a name'}${machine === undefined ? '' : ` (machine-id ${machine})`}`;
}

/**
 * A host that is asked for nothing before `prove` has ended well, once, and again where it was lost since: another one may
 * have its address by then. What it throws, every call throws. `connect` is given what to call when the connection goes, which
 * may be while nobody uses it.
 */
export function onlyWhere(
  connect: (lost: () => void) => HostConnection,
  prove: (host: HostConnection, signal: AbortSignal | undefined) => Promise<void>,
): HostConnection {
  let losses = 0;
  let provedAfter: number | undefined;
  const lost = (): void => {
    losses += 1;
  };
  const lostIf = (thrown: unknown): void => {
    if (asPitrError(thrown).kind === 'unreachable') lost();
  };
  const host = connect(lost);
  const first = async <T>(signal: AbortSignal | undefined, then: () => Promise<T>): Promise<T> => {
    while (provedAfter !== losses) {
      const before = losses;
      await prove(host, signal);
      provedAfter = before;
    }
    try {
      return await then();
    } catch (thrown) {
      lostIf(thrown);
      throw thrown;
    }
  };
  const spawned = async (started: Promise<RemoteProcess>): Promise<RemoteProcess> => {
    const process = await started;
    // It is lost after it was begun, most often.
    process.ended.catch(lostIf);
    return process;
  };
  return {
    name: host.name,
    address: host.address,
    connect: (signal) => first(signal, () => host.connect(signal)),
    run: (argv, options) => first(options?.signal, () => host.run(argv, options)),
    batch: (commands, options) => first(options?.signal, () => host.batch(commands, options)),
    spawn: (argv, options) => first(options?.signal, () => spawned(host.spawn(argv, options))),
    terminal: (argv, terminal, options) =>
      first(options?.signal, () => host.terminal(argv, terminal, options)),
    readFile: (path, options) => first(options?.signal, () => host.readFile(path, options)),
    writeFile: (path, content, options) =>
      first(options?.signal, () => host.writeFile(path, content, options)),
    close: () => host.close(),
  };
}
