import { relative } from 'node:path';
import type { Accident } from './accident.ts';
import type { Seed } from './seed.ts';
import { tables } from './shop.ts';
import type { LabStatus } from './status.ts';
import { containerName } from './topology.ts';
import type { LabUp } from './up.ts';

/** What the actions print for a person. Pure. */

export function describeUp({ lab, ports, outcome, inventories }: LabUp, workingFolder: string): string {
  const path = (file: string) => relative(workingFolder, file);
  return lines(
    `lab ${lab.prefix} ${outcome}`,
    ...columns(
      lab.shape.hosts.map((host) => [
        `  ${host}`,
        containerName(lab.prefix, host),
        ports[host] === undefined ? 'by the jump host alone' : `ssh 127.0.0.1:${ports[host]}`,
      ]),
    ),
    'inventories',
    ...columns(Object.entries(inventories).map(([name, file]) => [`  ${name}`, path(file)])),
    `look around: docker exec -it ${containerName(lab.prefix, 'db1')} patronictl -c ${lab.shape.patroniConfig} list`,
  );
}

export function describeSeed(seed: Seed): string {
  return lines(
    `database   ${seed.database} on ${seed.leader}`,
    `backup     ${seed.backup.id} on Barman server ${seed.backup.server}`,
    `archived   up to ${seed.lastArchivedWal}`,
    ...columns([
      ['table', 'in backup', 'now'],
      ...tables.map((table) => [table, rows(seed.rowsInBackup[table]), rows(seed.rowsNow[table])]),
    ]),
  );
}

export function describeAccident(accident: Accident): string {
  return lines(
    ...accident.statements.map((statement) => `happened   ${statement}`),
    `before     ${accident.before}`,
    `backup     ${accident.backup.id} on Barman server ${accident.backup.server}`,
    `archived   up to ${accident.lastArchivedWal}`,
    ...columns([
      ['table', 'then', 'now'],
      ...tables.map((table) => [
        table,
        rows(accident.tables[table].rowsThen),
        rows(accident.tables[table].rowsNow),
      ]),
    ]),
  );
}

export function describeStatus(status: LabStatus): string {
  return lines(
    `lab ${status.prefix} ${status.up ? 'is up' : 'is not up'}`,
    ...columns(
      status.containers.map(({ host, state, sshPort }) => [
        `  ${host}`,
        state,
        sshPort === undefined ? '' : `ssh 127.0.0.1:${sshPort}`,
      ]),
    ),
    ...(status.members.length === 0 ? [] : ['members']),
    ...columns(
      status.members.map(({ name, role, state, timeline, lagBytes }) => [
        `  ${name}`,
        role,
        state,
        `timeline ${timeline ?? '?'}`,
        lagBytes === undefined ? '' : `lag ${lagBytes} bytes`,
      ]),
    ),
    ...(Object.keys(status.failedChecks).length === 0 ? [] : ['barman check']),
    ...columns(
      Object.entries(status.failedChecks).map(([server, failed]) => [
        `  ${server}`,
        failed.length === 0 ? 'OK' : `failed: ${failed.join(', ')}`,
      ]),
    ),
    ...(status.backups.length === 0 ? [] : ['backups']),
    ...columns(status.backups.map(({ id, server, endedAt }) => [`  ${id}`, server, `ended ${endedAt}`])),
  );
}

function rows(count: number | null): string {
  return count === null ? 'gone' : String(count);
}

function lines(...all: string[]): string {
  return `${all.join('\n')}\n`;
}

function columns(table: readonly (readonly string[])[]): string[] {
  const width = (column: number) => Math.max(...table.map((row) => row[column]?.length ?? 0));
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(width(column)))
      .join('  ')
      .trimEnd(),
  );
}
