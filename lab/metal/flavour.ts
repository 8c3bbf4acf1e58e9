import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { dumpYaml } from '../../lib/language/yaml/dump.ts';
import type { Flavour } from '../flavour.ts';
import { ensureMetalImage } from '../image.ts';
import type { Lab } from '../lab.ts';
import { type DatabaseHost, type HostName, isDatabaseHost } from '../topology.ts';
import { establishTrust } from '../trust.ts';
import { waitFor } from '../wait.ts';
import { barmanLogins, barmanServers } from './barman-config.ts';
import { restCertificate } from './certificates.ts';
import { scriptFiles } from './debian-scripts.ts';
import { commonFiles, type HostFile, hiddenHost, hostScript, volumesOf } from './host-setup.ts';
import { renderMetalInventory } from './inventory.ts';
import { patroniConfiguration, rolesProgram } from './patroni-config.ts';
import { type MetalSecrets, newSecrets } from './secrets.ts';
import { metalShape, patroniConfig, rolesScript } from './shape.ts';
import type { MetalVariants } from './variants.ts';

/** A lab whose hosts look like production: systemd, SSH as an ordinary user with sudo, Debian's services. */
export function metalFlavour(variants: MetalVariants): Flavour {
  const shape = metalShape(variants);
  const named = variants.names === 'other';
  return {
    shape,
    variants,
    ensureImage: ensureMetalImage,
    published: shape.hosts.filter((host) => host !== hiddenHost),
    containerOf: (host) => ({
      hostname: named ? `${host}-vm.example` : host,
      volumes: volumesOf(host, variants),
      // What systemd needs to be the first process of a container.
      CapAdd: ['SYS_ADMIN'],
      SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
      CgroupnsMode: 'host',
      Binds: ['/sys/fs/cgroup:/sys/fs/cgroup:rw'],
      Tmpfs: { '/run': '', '/run/lock': '', '/tmp': 'exec' },
    }),
    establish: async (lab, ports) => {
      const secrets = await secretsOf(lab);
      await Promise.all(shape.hosts.map((host) => makeHost(lab, host, variants, secrets)));
      // One after the other: one authority signs them all.
      if (variants.rest === 'https')
        for (const host of shape.members) {
          const files = await restCertificate(lab, host, await addressOf(lab, host));
          for (const file of files) await putFile(lab, host, file);
        }
      await establishTrust(lab, ports, '/home/deploy');
      await startEverything(lab);
    },
    startServices: startEverything,
    writeFiles: async (lab, ports) => {
      const { files } = lab;
      const inventory = renderMetalInventory(variants, {
        ports,
        privateKeyFile: basename(files.controllerKey),
        knownHostsFile: basename(files.knownHosts),
        sudoPassword: (await secretsOf(lab)).sudo,
      });
      // It holds a password.
      await writeFile(files.metalInventory, inventory, { mode: 0o600 });
      await writeFile(files.metalVariants, `${JSON.stringify(variants, undefined, 2)}\n`);
      return { metal: files.metalInventory };
    },
  };
}

/** The passwords of this lab, kept with its files. */
async function secretsOf({ files }: Lab): Promise<MetalSecrets> {
  const path = join(files.folder, 'secrets.json');
  const kept = await readFile(path, 'utf8').catch(() => undefined);
  if (kept !== undefined) return JSON.parse(kept) as MetalSecrets;
  const made = newSecrets();
  await mkdir(files.folder, { recursive: true });
  await writeFile(path, JSON.stringify(made), { mode: 0o600 });
  return made;
}

async function makeHost(
  lab: Lab,
  host: HostName,
  variants: MetalVariants,
  secrets: MetalSecrets,
): Promise<void> {
  await waitFor({
    what: `systemd on ${host}`,
    deadlineMs: 60_000,
    attempt: () => lab.exec(host, ['systemctl', 'is-system-running']),
    // Degraded: sshd has no host key before the first time.
    done: ({ stdout }) => /^(running|degraded)/.test(stdout),
    describe: ({ stdout, stderr }) => stdout.trim() || stderr.trim(),
  });
  await Promise.all(
    [...commonFiles(host, variants), ...(await roleFiles(lab, host, variants, secrets))].map((file) =>
      putFile(lab, host, file),
    ),
  );
  await lab.mustExec(host, ['sh', '-s'], { stdin: hostScript(host, variants, secrets) });
}

async function roleFiles(
  lab: Lab,
  host: HostName,
  variants: MetalVariants,
  secrets: MetalSecrets,
): Promise<readonly HostFile[]> {
  if (host === 'etcd') {
    const address = await addressOf(lab, host);
    const lines = [
      'ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:2379',
      `ETCD_ADVERTISE_CLIENT_URLS=http://${address}:2379`,
    ];
    return [
      { path: '/etc/default/etcd', content: `${lines.join('\n')}\n`, mode: '0644', owner: 'root:root' },
    ];
  }
  if (host === 'barman') {
    const servers = Object.entries(barmanServers(variants));
    return [
      ...servers.map(([name, content]) => ({
        path: `/etc/barman.d/${name}`,
        content,
        mode: '0644',
        owner: 'root:root',
      })),
      {
        path: '/var/lib/barman/.pgpass',
        content: barmanLogins(variants, secrets),
        mode: '0600',
        owner: 'barman:barman',
      },
    ];
  }
  if (!isDatabaseHost(host)) return [];
  const node = { host, address: await addressOf(lab, host), etcd: 'etcd:2379' };
  const content = dumpYaml(patroniConfiguration(node, variants, secrets));
  const owner = 'root:postgres';
  return [
    { path: patroniConfig, content, mode: '0640', owner },
    { path: rolesScript, content: rolesProgram(secrets), mode: '0750', owner },
    ...scriptFiles(variants),
  ];
}

async function addressOf(lab: Lab, host: HostName): Promise<string> {
  return (await lab.mustExec(host, ['hostname', '-i'])).trim().split(/\s+/)[0] ?? '';
}

async function putFile(lab: Lab, host: HostName, { path, content, mode, owner }: HostFile): Promise<void> {
  const script =
    'mkdir -p "$(dirname "$1")"; (umask 077; cat >"$1.new"); chown "$3" "$1.new"; chmod "$2" "$1.new"; mv -f "$1.new" "$1"';
  await lab.mustExec(host, ['sh', '-ec', script, 'sh', path, mode, owner], { stdin: content });
}

/** The store first, then the first node, then the others, who copy it. */
async function startEverything(lab: Lab): Promise<void> {
  await start(lab, 'etcd', 'etcd');
  const [first, ...others] = lab.shape.members;
  if (first !== undefined) await start(lab, first, 'patroni');
  await waitFor({
    what: 'a leader',
    deadlineMs: 90_000,
    everyMs: 500,
    attempt: () => lab.exec('etcd', leaderKey(lab.shape.cluster)),
    done: ({ stdout }) => stdout.trim() !== '',
    describe: ({ stderr }) => stderr.trim() || 'no leader key',
  });
  await Promise.all([
    ...others.map((host: DatabaseHost) => start(lab, host, 'patroni')),
    start(lab, 'barman', 'barman-cron'),
  ]);
}

function leaderKey(cluster: string): readonly string[] {
  const key = `/postgresql-common/${cluster}/leader`;
  return ['env', 'ETCDCTL_API=3', 'etcdctl', 'get', '--keys-only', key];
}

async function start(lab: Lab, host: HostName, unit: string): Promise<void> {
  await lab.mustExec(host, ['systemctl', 'enable', '--now', '-q', `${unit}.service`]);
}
