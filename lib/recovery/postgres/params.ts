import { z } from 'zod';

/** An absolute path without characters that no sane path has and that a one-line setting cannot hold. */
export const absolutePath = z
  .string()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what the path must not hold
  .regex(/^\/[^\u0000-\u001f\u007f]*$/, 'must be an absolute path without control characters')
  .transform((path) => path.replace(/(?<=.)\/+$/, ''));

/** What every module of PostgreSQL needs to know of the instance that it works on. */
export const instanceParams = {
  pgdata: absolutePath.describe('data directory').meta({ variable: 'pgdata' }),
  bin: absolutePath
    .optional()
    .describe('directory of the PostgreSQL programs; found by the version of the data where it is not given')
    .meta({ variable: 'pg_bin' }),
  user: z
    .string()
    .min(1)
    .default('postgres')
    .describe('operating system user that owns the data and runs PostgreSQL')
    .meta({ variable: 'pg_user' }),
} as const;

/** How to log in to an instance, on top of `instanceParams`. */
export const sessionParams = {
  role: z
    .string()
    .min(1)
    .optional()
    .describe('database role to log in as; the operating system user by default'),
  socket_dir: absolutePath
    .optional()
    .describe('directory of the socket; where the running instance says it is by default'),
  port: z
    .int()
    .min(1)
    .max(65535)
    .optional()
    .describe('port that names the socket; what the running instance says by default'),
} as const;

/** A server of Barman by its name, as it stands in commands on other hosts. */
export const barmanServer = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.@:+-]*$/,
    'must be the name of a Barman server (letters, digits, _ . @ : + -)',
  );

export const segmentName = z.string().regex(/^[0-9A-F]{24}$/, 'must be the name of a WAL segment');

export const partialParam = z
  .looseObject({ segment: segmentName, server: barmanServer })
  .optional()
  .describe(
    'the segment of which only the beginning is archived, and the server that has it (barman.moment)',
  );

/** How PostgreSQL fetches WAL. */
export const walMethod = z
  .enum(['barman-wal-restore', 'barman-get-wal', 'local'])
  .default('barman-wal-restore')
  .describe('how WAL is fetched')
  .meta({ variable: 'wal_method' });

export type WalMethod = z.output<typeof walMethod>;

/** `barman@backup.example.com` */
export const login = z.string().regex(/^[A-Za-z0-9_][\w.-]*@[A-Za-z0-9[][\w.:[\]-]*$/, 'must be user@host');

/** The way from the node to Barman. */
export const barmanLogin = login
  .default('barman@barman')
  .describe('how this host logs in to the Barman host')
  .meta({ variable: 'barman_ssh' });

/** Where the data belongs to somebody, and no instance is worked on. */
export const dataOwner = z
  .string()
  .min(1)
  .default('postgres')
  .describe('operating system user that owns the data')
  .meta({ variable: 'pg_user' });

/** Seconds. */
export const seconds = z
  .number()
  .positive()
  .max(86_400 * 30);
