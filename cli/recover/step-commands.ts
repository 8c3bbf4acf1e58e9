import { runFiles } from '../../lib/recovery/postgres/isolation.ts';
import { recoverySettingsOf } from '../../lib/recovery/postgres/recovery-settings.ts';
import { GIVES_UNIT, inOwnUnit } from '../../lib/system/service/own-unit.ts';
import { quote } from '../../lib/transport/quote.ts';
import type { ManualPlan, StepCommand } from './manual-step.ts';
import type { Node } from './nodes.ts';
import { script, typedCommand } from './typed-command.ts';

/** A row of `patronictl list` that calls this member the leader, for `grep -E`. */
function leaderRow(member: string): string {
  return `^\\| +${member} +\\|[^|]*\\| *(Standby )?Leader `;
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** The commands that the steps share, with the names, paths and ports of this inventory. */
export class StepCommands {
  readonly #plan: ManualPlan;

  constructor(plan: ManualPlan) {
    this.#plan = plan;
  }

  on(
    host: string,
    user: string | undefined,
    argv: readonly string[],
    proof?: StepCommand['proof'],
  ): StepCommand {
    const typed = typedCommand({ host, user, argv }, this.#settingsOf(host));
    return { host, typed, ...(proof === undefined ? {} : { proof }) };
  }

  #settingsOf(host: string): Node['settings'] {
    const { site, node } = this.#plan;
    return host === site.barman.name
      ? site.barman.settings
      : (site.nodes.find(({ name }) => name === host) ?? node).settings;
  }

  /** SQL on the isolated instance, by its private socket. */
  psql(sql: string, proof?: StepCommand['proof']): StepCommand {
    const { name, pg_user: owner } = this.#plan.node;
    return this.on(name, owner, [...this.isolatedPsql(), '-c', sql], proof);
  }

  /** The words of psql on the isolated instance, up to the SQL. */
  isolatedPsql(): readonly string[] {
    const { pgdata, pg_bin: bin, pg_port: port } = this.#plan.node;
    const socket = runFiles(pgdata).directory;
    return [`${bin}/psql`, '-X', '-At', '-h', socket, '-p', String(port), '-d', 'postgres'];
  }

  /** SQL where the node serves as configured, by its usual socket. */
  served(sql: string, proof: StepCommand['proof']): StepCommand {
    const { name, pg_user: owner, pg_bin: bin, pg_port: port } = this.#plan.node;
    return this.on(
      name,
      owner,
      [`${bin}/psql`, '-X', '-At', '-p', String(port), '-d', 'postgres', '-c', sql],
      proof,
    );
  }

  /**
   * Starts the recovered data, and waits for so many seconds. `options` go over its configuration. Where systemd runs it gets a
   * unit of its own, as by `postgres.start`: what the login starts may end with it.
   */
  startServer(seconds: number, options?: string): StepCommand {
    const { name, pgdata, pg_user: owner, pg_bin: bin, patroni_service: service } = this.#plan.node;
    const over = options === undefined ? [] : ['-o', options];
    const words = ['-D', pgdata, '-l', runFiles(pgdata).log, '-w', '-t', String(seconds), ...over, 'start'];
    const argv = [`${bin}/pg_ctl`, ...words];
    if (!this.#bySystemd()) return this.on(name, owner, argv);
    return this.on(name, undefined, script(inOwnUnit('postgresql', owner, service, argv)));
  }

  #bySystemd(): boolean {
    return this.#plan.node.service_manager === 'systemd';
  }

  /** What `startServer` needs. */
  canStart(): readonly StepCommand[] {
    if (!this.#bySystemd()) return [];
    return [
      this.on(this.#plan.node.name, undefined, script(GIVES_UNIT), {
        expected: 'unit: systemd can give PostgreSQL a unit of its own (else recover with --target)',
        output: '^unit$',
      }),
    ];
  }

  stopIsolated(): StepCommand {
    const { name, pgdata, pg_user: owner, pg_bin: bin } = this.#plan.node;
    return this.on(name, owner, [`${bin}/pg_ctl`, '-D', pgdata, '-m', 'fast', '-w', 'stop']);
  }

  service(one: Node, action: 'start' | 'stop'): StepCommand {
    const manager = one.service_manager === 'systemd' ? 'systemctl' : 'supervisorctl';
    return this.on(one.name, undefined, [manager, action, one.patroni_service]);
  }

  gone(one: Node): StepCommand {
    return this.on(one.name, one.pg_user, [`${one.pg_bin}/pg_ctl`, '-D', one.pgdata, 'status'], {
      expected: 'no server running (exit code 3)',
      exitCode: 3,
    });
  }

  /** A backend outlives a postmaster that was killed, and works on in the directory. A user sees its own processes. */
  nobodyWorks(one: Node): StepCommand {
    const seen = `d=$(readlink -m -- ${quote(one.pgdata)}) && ls -l /proc/[0-9]*/cwd 2>/dev/null | sed 's/.* -> //' | awk -v d="$d" '$0 == d || index($0, d "/") == 1' | wc -l`;
    return this.on(one.name, one.pg_user, script(seen), {
      expected: '0: no process works in the data directory',
      output: '^0$',
    });
  }

  /** What these steps cannot do is known before the first of them. */
  fits(one: Node): readonly StepCommand[] {
    const { name, pgdata, pg_user: owner, patroni_config: config } = one;
    return [
      this.on(
        name,
        owner,
        script(
          `[ ! -L ${quote(pgdata)} ] && cd ${quote(pgdata)} && ! mountpoint -q . && [ ! -L pg_wal ] && echo plain`,
        ),
        {
          expected: 'plain: the data directory can be renamed, and holds its WAL',
          output: '^plain$',
        },
      ),
      this.on(
        name,
        undefined,
        script(`grep -rA 3 create_replica_method ${quote(config)}; [ $? -ne 1 ] || echo none`),
        {
          expected: 'none: Patroni copies the leader (else rebuild members with pitr play rejoin.yml)',
          output: '^none$',
        },
      ),
    ];
  }

  /**
   * A Barman server that streams stands at a place of the old timeline which the new one does not have, and takes no backup
   * until that is reset as `barman.receive_wal` does it.
   */
  archives({ barman_server: server }: Node): readonly StepCommand[] {
    const { name, user } = this.#plan.site.barman;
    if (server === undefined) return [];
    return [
      this.on(name, user, script(`barman show-server ${quote(server)} | grep streaming_archiver:`), {
        expected: 'False: Barman does not receive the WAL by streaming (else recover with --target)',
        output: 'streaming_archiver: False',
      }),
    ];
  }

  /** Else Patroni starts PostgreSQL with a file elsewhere, which these steps do not put to rights. */
  configuredInside({ name, pgdata, pg_user: owner }: Node): StepCommand {
    const text = `grep -qF 'It will be overwritten by Patroni!' ${quote(`${pgdata}/postgresql.conf`)} && echo inside`;
    return this.on(name, owner, script(text), {
      expected: `inside: Patroni configures ${name} in its data directory`,
      output: '^inside$',
    });
  }

  /**
   * Files that were prepared on another host have the configuration of the node that was backed up: this one may have none of
   * its addresses, and could not start. As `postgres.recovery` does it where it can see the node's data: nothing of a replica
   * stays, and the archive is off until Patroni writes the file.
   */
  configureAsNode(): readonly StepCommand[] {
    const { node, prepared } = this.#plan;
    const { name, pgdata, pg_user: owner, pg_bin: bin, pg_port: port } = node;
    const goes = recoverySettingsOf(prepared.major).filter((setting) => setting !== 'archive_command');
    const edits = `s/^archive_command *=.*/archive_command = false/; s/^(${goes.join('|')}) *=/#PITR#&/`;
    const file = `${pgdata}/postgresql.conf`;
    const own = `${this.kept(node)}/postgresql.conf`;
    const says = (setting: string): readonly string[] => [`${bin}/postgres`, '-D', pgdata, '-C', setting];
    return [
      this.on(
        name,
        owner,
        script(`cp -p ${quote(own)} ${quote(file)} && sed -i -E ${quote(edits)} ${quote(file)}`),
      ),
      this.on(name, owner, says('port'), { expected: String(port), output: `^${port}$` }),
      this.on(name, owner, says('listen_addresses'), { expected: `the addresses of ${name}` }),
    ];
  }

  /**
   * Patroni acts by itself, for a cluster that has a primary of its own. In synchronous mode it would hold the old leader's name
   * after these steps, with whom alone it would stand by (see `patroni.synchronous`).
   */
  plainCluster(one: Node): StepCommand {
    const { name, patroni_config: config } = one;
    const other = [
      '^(standby_cluster|pause: true)',
      '^synchronous_mode: .?(on|true|yes|1|quorum)',
      'create_replica_method',
    ];
    const text = `c=$(patronictl -c ${quote(config)} show-config) && printf '%s\\n' "$c" | { grep -iE ${quote(other.join('|'))} || echo none; }`;
    return this.on(name, undefined, script(text), {
      expected:
        'none: no standby cluster, no pause, no synchronous_mode (else recover with --target), and no other way to make a replica than to copy the leader',
      output: '^none$',
    });
  }

  /**
   * Who leads may be another one than when the steps were printed. A leader that is none of the other nodes may be this one
   * under another name.
   */
  leadsNot(witness: Node, one: Node): StepCommand {
    const { name, patroni_config: config } = witness;
    const others = this.#plan.site.nodes.filter((node) => node !== one).map((node) => literal(node.name));
    const text = `l=$(patronictl -c ${quote(config)} list) && printf '%s\\n' "$l" | grep -E ${quote(leaderRow('[^|]+'))} | { grep -vE ${quote(leaderRow(`(${others.join('|')})`))} || echo none; }`;
    return this.on(name, undefined, script(text), {
      expected: `none: ${one.name} does not lead (else prepare files for another node, with --for)`,
      output: '^none$',
    });
  }

  anotherLeads(witness: Node, one: Node): StepCommand {
    const { name, patroni_config: config } = witness;
    const text = `patronictl -c ${quote(config)} list | grep -E ${quote(leaderRow('[^|]+'))} | grep -vE ${quote(leaderRow(literal(one.name)))}`;
    return this.on(name, undefined, script(text), {
      expected: 'another node is the Leader',
      output: '\\| *Leader',
      wait: true,
    });
  }

  list(one: Node, proof: NonNullable<StepCommand['proof']>): StepCommand {
    return this.on(one.name, undefined, ['patronictl', '-c', one.patroni_config, 'list'], proof);
  }

  move(one: Node, from: string, to: string): StepCommand {
    return this.on(one.name, undefined, ['mv', '-nT', from, to]);
  }

  /** Where the old data of a node is kept. */
  kept(one: Node): string {
    return `${one.kept ?? `${one.pgdata}.pre-pitr`}.${this.#plan.prepared.runId}`;
  }
}
