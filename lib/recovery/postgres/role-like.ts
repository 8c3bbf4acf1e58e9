import { PitrError } from '../../base/errors/pitr-error.ts';
import { Secret } from '../../base/values/secret.ts';
import type { ReadHost } from '../../contract/host.ts';
import { literal } from './alter-system.ts';
import { querySql, type SessionTarget } from './sql.ts';

/** What lets a role log in, and as what. */
export interface Role {
  readonly name: string;
  readonly superuser: boolean;
  readonly replication: boolean;
  readonly login: boolean;
  readonly inherit: boolean;
  readonly createRole: boolean;
  readonly createDatabase: boolean;
  readonly bypassRls: boolean;
  readonly connectionLimit: number;
  /** As PostgreSQL writes it; `infinity` where it ends never. */
  readonly validUntil: string;
  /** As PostgreSQL keeps it: a hash with its salt, never the password itself. Absent where it has none. */
  readonly verifier?: Secret;
  readonly memberOf: readonly string[];
}

const ROLES = (names: readonly string[]): string => `select json_build_object(
  'name', rolname, 'superuser', rolsuper, 'replication', rolreplication, 'login', rolcanlogin, 'inherit', rolinherit,
  'createRole', rolcreaterole, 'createDatabase', rolcreatedb, 'bypassRls', rolbypassrls,
  'connectionLimit', rolconnlimit, 'validUntil', coalesce(rolvaliduntil, 'infinity')::text, 'verifier', rolpassword,
  'memberOf', (select coalesce(json_agg(g.rolname), '[]') from pg_auth_members m join pg_authid g on g.oid = m.roleid
               where m.member = pg_authid.oid))
from pg_authid where rolname in (${names.map(literal).join(', ')})`;

/** The roles that exist, of those with these names. Needs a superuser. Throws like `querySql`. */
export async function readRoles(
  host: ReadHost,
  session: SessionTarget,
  names: readonly string[],
): Promise<ReadonlyMap<string, Role>> {
  if (names.length === 0) return new Map();
  const lines = (await querySql(host, session, [ROLES(names)])).split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => parseRole(line, host.name)).map((role) => [role.name, role]));
}

function parseRole(line: string, host: string): Role {
  try {
    const told = JSON.parse(line) as Omit<Role, 'verifier'> & { readonly verifier: string | null };
    const { verifier, ...role } = told;
    return verifier === null ? role : { ...role, verifier: new Secret(verifier) };
  } catch {
    // The reason would quote the line, and with it the password's hash.
    throw new PitrError({
      kind: 'failed',
      code: 'roles-unreadable',
      message: 'the roles of the database could not be read',
      host,
    });
  }
}

/** How a role differs from what it shall be like, in words without secrets; nothing where it is like it. */
export function roleDifference(role: Role | undefined, wanted: Role | undefined): string | undefined {
  if (role === undefined) {
    return wanted === undefined
      ? 'the role exists neither there nor now'
      : 'the role did not exist at that moment';
  }
  if (wanted === undefined) return 'the role does not exist any more now';
  if (!role.login && wanted.login) return 'the role was not allowed to log in at that moment';
  if (role.verifier?.reveal() !== wanted.verifier?.reveal())
    return 'its password has been set since that moment';
  if (role.validUntil !== wanted.validUntil)
    return `at that moment its password was valid until ${role.validUntil}`;
  if (role.connectionLimit !== wanted.connectionLimit)
    return `at that moment it was limited to ${role.connectionLimit} connections`;
  if (role.superuser !== wanted.superuser) return 'at that moment it was not the superuser that it is now';
  if (role.replication !== wanted.replication) return 'at that moment it had not the right to replicate';
  return undefined;
}

/** The statements that make a role what another is, in the order in which they must come. They hold a secret. */
export function roleStatements(role: Role | undefined, wanted: Role): readonly string[] {
  const name = identifier(wanted.name);
  const flag = (word: string, on: boolean): string => (on ? word : `NO${word}`);
  const password = wanted.verifier === undefined ? 'NULL' : literal(wanted.verifier.reveal());
  const options = [
    flag('SUPERUSER', wanted.superuser),
    flag('REPLICATION', wanted.replication),
    flag('LOGIN', wanted.login),
    flag('INHERIT', wanted.inherit),
    flag('CREATEROLE', wanted.createRole),
    flag('CREATEDB', wanted.createDatabase),
    flag('BYPASSRLS', wanted.bypassRls),
    `CONNECTION LIMIT ${wanted.connectionLimit}`,
    `VALID UNTIL ${literal(wanted.validUntil)}`,
    `PASSWORD ${password}`,
  ];
  const groups = wanted.memberOf.filter((group) => !(role?.memberOf ?? []).includes(group));
  return [
    `${role === undefined ? 'CREATE' : 'ALTER'} ROLE ${name} WITH ${options.join(' ')}`,
    ...groups.map((group) => `GRANT ${identifier(group)} TO ${name}`),
  ];
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
