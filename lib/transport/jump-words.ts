import { commandLine } from './quote.ts';

/** A jump host as `[user@]host[:port]` names it. */
interface Jump {
  readonly host: string;
  readonly port: number | undefined;
  readonly user: string | undefined;
}

export function parseJump(jump: string): Jump {
  const match = /^(?:(?<user>[^@]+)@)?(?:\[(?<v6>[^\]]+)\]|(?<host>[^:]+))(?::(?<port>\d+))?$/.exec(jump);
  const { user, v6, host, port } = match?.groups ?? {};
  return { host: v6 ?? host ?? jump, port: port === undefined ? undefined : Number(port), user };
}

/**
 * The way through jump hosts, as words of the OpenSSH client for a command that is typed. With -J it would try its own keys
 * on the jump hosts and never those of its -i, which pitr gives to each host on the way: so each gets its words by name.
 * `told`: what is said of the way to the host behind them, option and value in turn.
 */
export function jumpWords(jumps: readonly string[], told: readonly string[]): readonly string[] {
  const handedOn = told.filter((_, at) => isForJumps(told, at - (at % 2)));
  const needed = handedOn.some((word, at) => at % 2 === 0 && word !== '-F');
  return needed ? throughEach(jumps, handedOn) : ['-J', jumps.join(',')];
}

function isForJumps(told: readonly string[], at: number): boolean {
  const option = told[at];
  return (
    option === '-i' ||
    option === '-F' ||
    (option === '-o' && told[at + 1]?.startsWith('UserKnownHostsFile=') === true)
  );
}

function throughEach(jumps: readonly string[], words: readonly string[]): readonly string[] {
  const nearest = jumps.at(-1);
  if (nearest === undefined) return [];
  const { host, port, user } = parseJump(nearest);
  const toIt = [
    ...throughEach(jumps.slice(0, -1), words),
    ...words,
    ...(port === undefined ? [] : ['-p', String(port)]),
  ];
  // In a ProxyCommand the client looks for its tokens: each other % is doubled.
  const plain = (word: string): string => word.replaceAll('%', '%%');
  const command = [
    'ssh',
    ...toIt.map(plain),
    '-W',
    '[%h]:%p',
    plain(user === undefined ? host : `${user}@${host}`),
  ];
  return ['-o', `ProxyCommand=${commandLine(command)}`];
}
