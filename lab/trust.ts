import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import type { Lab } from './lab.ts';
import { forEveryHost, type HostName, isDatabaseHost, type PerHost } from './topology.ts';
import { waitFor } from './wait.ts';

const hostKeyFile = '/etc/ssh/ssh_host_ed25519_key.pub';

/**
 * Lets those log in who should: the controller everywhere as the user whose home is given, barman as postgres on the nodes,
 * postgres of every node as barman; and lets everybody know everybody's host key. Each host made its
 * own keys at its start; only public halves travel, except for the controller's own key. Idempotent.
 */
export async function establishTrust(
  lab: Lab,
  ports: PerHost<number>,
  controllerHome = '/root',
): Promise<void> {
  const { hosts, members } = lab.shape;
  const hostKeys = await hostKeysOf(lab);
  const [barmanKey, nodeKeys, controllerKey] = await Promise.all([
    publicKeyOf(lab, 'barman', '/var/lib/barman'),
    Promise.all(members.map((host) => publicKeyOf(lab, host, '/var/lib/postgresql'))),
    ensureControllerKey(lab),
  ]);
  const knownInside = hosts.map((host) => `${host} ${hostKeys[host]}\n`).join('');
  await Promise.all(
    hosts.map(async (host) => {
      await replaceFile(lab, host, '/etc/ssh/ssh_known_hosts', knownInside);
      await addLine(lab, host, `${controllerHome}/.ssh/authorized_keys`, controllerKey);
      if (host === 'barman') {
        await replaceFile(lab, host, '/var/lib/barman/.ssh/authorized_keys', nodeKeys.join(''));
      } else if (isDatabaseHost(host)) {
        await replaceFile(lab, host, '/var/lib/postgresql/.ssh/authorized_keys', barmanKey);
      }
    }),
  );
  const knownHere = hosts
    .map((host) => `${ports[host] === undefined ? host : `[127.0.0.1]:${ports[host]}`} ${hostKeys[host]}\n`)
    .join('');
  await writeFile(lab.files.knownHosts, knownHere);
}

/** Every host's own key, `ssh-ed25519 AAAA...`, as the host itself shows it. */
async function hostKeysOf(lab: Lab): Promise<PerHost<string>> {
  const pairs = await Promise.all(
    lab.shape.hosts.map(async (host) => {
      const line = await keyLine(lab, host, hostKeyFile);
      return [host, line.trim().split(' ').slice(0, 2).join(' ')] as const;
    }),
  );
  const byHost = new Map(pairs);
  return forEveryHost(lab.shape.hosts, (host) => byHost.get(host) ?? '');
}

function publicKeyOf(lab: Lab, host: HostName, home: string): Promise<string> {
  return keyLine(lab, host, `${home}/.ssh/id_ed25519.pub`);
}

function keyLine(lab: Lab, host: HostName, file: string): Promise<string> {
  return waitFor({
    what: `${host} to make ${file}`,
    deadlineMs: 20_000,
    everyMs: 100,
    attempt: () => lab.mustExec(host, ['cat', file]),
    done: (text) => text.endsWith('\n'),
    describe: (text) => `an incomplete file: ${JSON.stringify(text)}`,
  });
}

/** Makes the controller's key pair unless this checkout has it; returns the public line. */
async function ensureControllerKey(lab: Lab): Promise<string> {
  const { controllerKey, folder } = lab.files;
  await mkdir(folder, { recursive: true });
  if (!existsSync(controllerKey) || !existsSync(`${controllerKey}.pub`)) {
    const made = await lab.mustExec('barman', [
      'sh',
      '-ec',
      'd=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT && ssh-keygen -q -t ed25519 -N "" -C pitr-controller -f "$d/key" && cat "$d/key.pub" "$d/key"',
    ]);
    const endOfFirstLine = made.indexOf('\n') + 1;
    await writeFile(`${controllerKey}.pub`, made.slice(0, endOfFirstLine));
    await writeFile(controllerKey, made.slice(endOfFirstLine), { mode: 0o600 });
    await chmod(controllerKey, 0o600);
  }
  return readFile(`${controllerKey}.pub`, 'utf8');
}

/** Writes a file at once (temporary file, then rename) with the owner of its folder. */
async function replaceFile(lab: Lab, host: HostName, file: string, content: string): Promise<void> {
  const script =
    'umask 022; cat >"$1.new" && chown --reference="$(dirname "$1")" "$1.new" && mv -f "$1.new" "$1"';
  await lab.mustExec(host, ['sh', '-ec', script, 'sh', file], { stdin: content });
}

async function addLine(lab: Lab, host: HostName, file: string, line: string): Promise<void> {
  const script = 'touch "$1"; read -r line; grep -qxF "$line" "$1" || printf "%s\\n" "$line" >>"$1"';
  await lab.mustExec(host, ['sh', '-c', script, 'sh', file], { stdin: line });
}
