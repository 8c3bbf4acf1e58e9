import { expect, it } from 'vitest';
import { LOCKS } from '../../../../lib/recovery/postgres/prepared.ts';
import { RealPostgres } from '../../../wal/real-wal.ts';

it('what a prepared transaction has locked is told, though the server was not started again since', async () => {
  await using server = await RealPostgres.start(1);
  await server.sql('create table orders (row int); create table sold (row int); create table read (row int)');
  const prepare = async (work: string, gid: string): Promise<number> => {
    const xid = await server.sql(
      `begin; lock table ${work}; select txid_current(); prepare transaction '${gid}'`,
    );
    return Number(xid);
  };
  const first = await prepare('orders in access exclusive mode', 'one');
  const second = await prepare('sold in share mode', 'other');
  const told = JSON.parse(await server.sql(`begin; lock table read; ${LOCKS}; rollback`));
  expect(told).toHaveLength(2);
  expect(told).toEqual(
    expect.arrayContaining([
      { xid: first, table: 'orders', mode: 'AccessExclusiveLock' },
      { xid: second, table: 'sold', mode: 'ShareLock' },
    ]),
  );
});
