import { type DatabaseHost, type HostName, isDatabaseHost, postgresHome } from '../topology.ts';
import type { MetalSecrets } from './secrets.ts';
import { dataDirectory, walDirectory, walVolume } from './shape.ts';
import type { MetalVariants } from './variants.ts';

/** A file to put on a host. */
export interface HostFile {
  readonly path: string;
  readonly content: string;
  readonly mode: string;
  /** `user:group`. */
  readonly owner: string;
}

/** The host whose sudo asks for a password, and the one that is reached only through the jump host. */
export const askingHost: DatabaseHost = 'db2';
export const hiddenHost: DatabaseHost = 'db3';

/** Paths of a host that lie on volumes of their own. */
export function volumesOf(host: HostName, { mount, waldir }: MetalVariants): readonly string[] {
  if (!isDatabaseHost(host)) return [];
  const data = { parent: [postgresHome], data: [dataDirectory], none: [] }[mount];
  return [...data, ...(waldir === 'link' ? [walVolume] : [])];
}

const file = (path: string, content: string, mode = '0644', owner = 'root:root'): HostFile => ({
  path,
  content,
  mode,
  owner,
});

const zones: Readonly<Partial<Record<HostName, string>>> = {
  barman: 'America/New_York',
  db1: 'Europe/Berlin',
  db2: 'Asia/Kolkata',
  db3: 'Australia/Lord_Howe',
};

/** What every host of the lab is told beside its role. Pure. */
export function commonFiles(host: HostName, variants: MetalVariants): readonly HostFile[] {
  const asks = host === askingHost;
  // No more than docs/recovery.md says: what every journey needs is thereby shown to be enough.
  const others = isDatabaseHost(host) ? ', postgres' : host === 'barman' ? ', barman' : '';
  const sudoers = [
    `deploy ALL=(root${others}) ${asks ? '' : 'NOPASSWD: '}/bin/sh`,
    ...(variants.tty === 'required' ? ['Defaults:deploy requiretty'] : []),
    '',
  ];
  const sshd = [
    `MaxSessions ${variants.sessions}`,
    'PermitRootLogin no',
    ...(variants.banner === 'yes' ? ['Banner /etc/ssh/banner'] : []),
    '',
  ];
  return [
    file('/etc/sudoers.d/deploy', sudoers.join('\n'), '0440'),
    // Before the lab's own, whose MaxSessions is for many at once: the first value that sshd reads holds.
    file('/etc/ssh/sshd_config.d/00-metal.conf', sshd.join('\n')),
    file('/etc/ssh/banner', '*** Authorised use only. ***\nroot: "quotes" and $(words) in a banner\n'),
    file('/etc/systemd/logind.conf.d/metal.conf', `[Login]\nKillUserProcesses=${variants.killuser}\n`),
    file('/etc/default/locale', variants.locale === 'de' ? 'LANG=de_DE.UTF-8\n' : 'LANG=C.UTF-8\n'),
  ];
}

/** What is done on a host, as root, once its files are there; a text of sh. Pure but for the secrets in it. */
export function hostScript(host: HostName, variants: MetalVariants, secrets: MetalSecrets): string {
  const zone = variants.zones === 'mixed' ? zones[host] : undefined;
  return [
    'set -eu',
    `ln -sf /usr/share/zoneinfo/${zone ?? 'Etc/UTC'} /etc/localtime`,
    `chsh -s /bin/${variants.shell} deploy`,
    // Locked, it could not log in at all.
    host === askingHost ? `chpasswd <<'end'\ndeploy:${secrets.sudo}\nend` : "usermod -p '*' deploy",
    ...(variants.tmp === 'noexec' ? ['mount -o remount,noexec /tmp'] : []),
    // A command by SSH reads no .profile: only sshd itself can give it a umask.
    ...(variants.umask === '022'
      ? []
      : [
          `grep -q pam_umask /etc/pam.d/sshd || echo 'session optional pam_umask.so umask=0${variants.umask}' >>/etc/pam.d/sshd`,
        ]),
    ...(isDatabaseHost(host)
      ? [
          // A volume begins with root's.
          `install -d -o postgres -g postgres -m 755 ${postgresHome}`,
          ...(variants.mount === 'data'
            ? [`install -d -o postgres -g postgres -m 700 ${dataDirectory}`]
            : []),
          ...(variants.waldir === 'link'
            ? [`install -d -o postgres -g postgres -m 700 ${walVolume} ${walDirectory}`]
            : []),
        ]
      : []),
    `METAL_HOST=${host} metal-host`,
    '',
  ].join('\n');
}
