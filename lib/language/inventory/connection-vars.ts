import type { BecomeSettings, SshSettings } from '../../transport/types.ts';

/** Programs that ask a person alone, and the way out. */
export const PASSWORDLESS = {
  doas: ['doas', 'Let the rule in doas.conf of the host say "nopass", or use sudo.'],
  openssh: [
    'the ssh client',
    'Load the key into the agent (ssh-add), or let pitr itself log in: ansible_connection: ssh.',
  ],
} as const;

/** What a connection variable says, and all the names it may have; the first is the one that pitr's own files use. */
export interface ConnectionVar {
  readonly names: readonly string[];
  readonly summary: string;
}

/** The connection variables of an inventory. Ansible's names mean what they mean there. */
export const CONNECTION_VARS = {
  connection: {
    names: ['ansible_connection'],
    summary:
      'how the host is reached: ssh (default), openssh (the ssh client of the controller: certificates, Kerberos), docker, local',
  },
  host: { names: ['ansible_host', 'ansible_ssh_host'], summary: 'its address; for docker the container' },
  container: {
    names: ['pitr_container'],
    summary: 'for docker: the container, if not ansible_host or the host name',
  },
  port: { names: ['ansible_port', 'ansible_ssh_port'], summary: 'the ssh port (22)' },
  user: { names: ['ansible_user', 'ansible_ssh_user'], summary: 'who logs in' },
  identityFile: {
    names: ['ansible_ssh_private_key_file', 'ansible_private_key_file', 'pitr_identity_files'],
    summary: 'private key files, relative to the file that says so',
  },
  passphrase: {
    names: ['ansible_ssh_private_key_passphrase', 'ansible_private_key_passphrase'],
    summary: 'what opens the private key',
  },
  password: {
    names: ['ansible_password', 'ansible_ssh_pass', 'ansible_ssh_password'],
    summary: 'the login password; jump hosts are never given it',
  },
  knownHosts: {
    names: ['pitr_known_hosts'],
    summary: 'known_hosts files, relative to the file that says so',
  },
  hostKeyChecking: {
    names: ['pitr_host_key_checking', 'ansible_host_key_checking', 'ansible_ssh_host_key_checking'],
    summary: 'strict (default), or accept-new: the key of a host that is not known yet is stored',
  },
  jump: {
    names: ['pitr_jump'],
    summary:
      'hosts to go through, the nearest first: [user@]host[:port]; none: no host, whatever ssh_config says',
  },
  commonArgs: {
    names: ['ansible_ssh_common_args'],
    summary:
      'options of the OpenSSH client that say how the host is reached: -J, -o ProxyJump=..., -o ProxyCommand=..., -o HostKeyAlias=...',
  },
  extraArgs: { names: ['ansible_ssh_extra_args'], summary: 'more of them' },
  args: { names: ['ansible_ssh_args'], summary: 'more of them' },
  connectTimeout: {
    names: ['pitr_connect_timeout', 'ansible_timeout', 'ansible_ssh_timeout'],
    summary: 'seconds to wait for a connection (10, or more where ConnectTimeout of the ssh client is)',
  },
  become: {
    names: ['ansible_become'],
    summary: 'yes: commands run as another user than the one who logs in',
  },
  becomeUser: { names: ['ansible_become_user'], summary: 'that user (root)' },
  becomeMethod: {
    names: ['ansible_become_method'],
    summary: 'how another user is become: auto, sudo, su, runuser, doas',
  },
  becomePassword: {
    names: [
      'ansible_become_password',
      'ansible_become_pass',
      'ansible_sudo_pass',
      'ansible_sudo_password',
      'ansible_su_pass',
      // Of PITR_BECOME_PASSWORD_FILE: for hosts of which nothing else says it.
      'pitr_become_password',
    ],
    summary: 'the password that sudo or su asks for',
  },
} as const satisfies Readonly<Record<string, ConnectionVar>>;

/** How a host is reached, by the names that it can have: pitr's own, and those of Ansible. */
export const CONNECTIONS: Readonly<Record<string, 'ssh' | 'openssh' | 'docker' | 'local'>> = {
  ssh: 'ssh',
  smart: 'ssh',
  paramiko: 'ssh',
  paramiko_ssh: 'ssh',
  'ansible.builtin.ssh': 'ssh',
  openssh: 'openssh',
  docker: 'docker',
  'community.docker.docker': 'docker',
  'community.docker.docker_api': 'docker',
  local: 'local',
  'ansible.builtin.local': 'local',
};

export const HOST_KEY_CHECKING: Readonly<Record<string, SshSettings['hostKeyChecking']>> = {
  strict: 'strict',
  true: 'strict',
  yes: 'strict',
  'accept-new': 'accept-new',
  // Ansible would take any key then; here a key that has changed is refused in any case.
  false: 'accept-new',
  no: 'accept-new',
};

/** How another user is become, by the names that it can have. */
export const BECOME_METHODS: Readonly<Record<string, BecomeSettings['method']>> = {
  auto: 'auto',
  sudo: 'sudo',
  'ansible.builtin.sudo': 'sudo',
  su: 'su',
  'ansible.builtin.su': 'su',
  runuser: 'runuser',
  doas: 'doas',
  'community.general.doas': 'doas',
};

/** The names that begin with `pitr_`: all of them are pitr's own. */
export const NAMES_OF_PITR: readonly string[] = Object.values(CONNECTION_VARS)
  .flatMap(({ names }): readonly string[] => names)
  .filter((name) => name.startsWith('pitr_'));

/** Variables of Ansible that would change how a host is reached and that pitr cannot follow, with the way out. */
export const UNSUPPORTED_VARS: Readonly<Record<string, string>> = {
  ansible_docker_extra_args: 'Choose the engine with DOCKER_HOST or a docker context.',
  ansible_become_exe: 'The programs are found on the PATH of the host.',
  ansible_become_flags: 'Set what is needed in sudoers.',
};

/** Variables of Ansible that say nothing to pitr: known, so that they are not taken for misspelt ones. */
export const OTHER_ANSIBLE_VARS: ReadonlySet<string> = new Set([
  ...['ansible_python_interpreter', 'ansible_shell_type'],
  ...['ansible_shell_executable', 'ansible_remote_tmp', 'ansible_pipelining', 'ansible_ssh_pipelining'],
  ...[
    'ansible_group_priority',
    'ansible_facts',
    'ansible_check_mode',
    'ansible_diff_mode',
    'ansible_version',
  ],
  ...[
    'ansible_ssh_executable',
    'ansible_ssh_transfer_method',
    'ansible_sftp_batch_mode',
    'ansible_ssh_retries',
  ],
  ...['ansible_user_id', 'ansible_hostname', 'ansible_nodename', 'ansible_fqdn', 'ansible_domain'],
  ...['ansible_distribution', 'ansible_os_family', 'ansible_default_ipv4', 'ansible_all_ipv4_addresses'],
]);
