import { runFiles } from '../../lib/recovery/postgres/isolation.ts';
import type { ManualPlan, StepCommand } from './manual-step.ts';
import type { Node } from './nodes.ts';
import { typedCommand } from './typed-command.ts';

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
