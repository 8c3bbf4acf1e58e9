/** Where an archive_command sends WAL. */
export interface ArchiveTarget {
  /** user@host */
  readonly ssh?: string;
  readonly server?: string;
  /** Of the sshd, where the command names one. */
  readonly port?: number;
}

/** Options of barman-wal-archive whose value is the next word. */
const VALUED = new Set([
  '-U',
  '--user',
  '-c',
  '--config',
  '-F',
  '--port',
  '--compression',
  '--compression-level',
]);

const DEFAULT_USER = 'barman';

/**
 * Reads where an archive_command sends WAL: `barman-wal-archive [-U user] host server %p`, an rsync or scp to
 * `user@host:.../server/incoming/%f`, or `ssh user@host barman put-wal server`. Nothing for what is none of these.
 */
export function readArchiveCommand(command: string): ArchiveTarget {
  const target = targetOf(command);
  const port = PORT.exec(command)?.[1];
  return target.ssh === undefined || port === undefined ? target : { ...target, port: Number(port) };
}

/** `--port 2222`, `ssh -p 2222`, `scp -P2222`, `-o Port=2222`: of rsync `-p` alone is something else. */
const PORT = /\s(?:--port[\s=]+|-[pP]\s*|-o\s*Port\s*=\s*)(\d+)\b/;

function targetOf(command: string): ArchiveTarget {
  // It is a text for a shell, of which only the words matter here.
  const words = command.split(/[\s;&|]+/).map((word) => word.replace(/^["']|["']$/g, ''));
  const at = words.findIndex((word) => /(?:^|\/)barman-wal-archive$/.test(word));
  if (at !== -1) return ofWalArchive(words.slice(at + 1));
  const put = words.indexOf('put-wal');
  const login = words.find((word) => /^[A-Za-z0-9_][\w.-]*@[\w.:[\]-]+$/.test(word));
  if (put !== -1 && login !== undefined) return { ssh: login, ...serverOf(words[put + 1]) };
  for (const word of words) {
    const copied = /^([A-Za-z0-9_][\w.-]*@[\w.-]+):(?:\S*\/)?([^/\s]+)\/incoming\/?(?:%f)?$/.exec(word);
    if (copied !== null) return { ssh: copied[1] ?? '', ...serverOf(copied[2]) };
  }
  return {};
}

function ofWalArchive(words: readonly string[]): ArchiveTarget {
  let user = DEFAULT_USER;
  const places: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const attached = /^(?:--user=|-U)(.+)$/.exec(word)?.[1];
    if (attached !== undefined) user = attached;
    else if (VALUED.has(word)) {
      i++;
      if (word === '-U' || word === '--user') user = words[i] ?? user;
    } else if (!word.startsWith('-')) places.push(word);
  }
  const [host, server] = places;
  return host === undefined ? {} : { ssh: `${user}@${host}`, ...serverOf(server) };
}

function serverOf(server: string | undefined): { readonly server?: string } {
  return server === undefined || server.startsWith('%') ? {} : { server };
}
