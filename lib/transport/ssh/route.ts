import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { proxyCommandUnsafe, proxyHandsOver } from './errors.ts';
import { type ProxyEnd, startProxy } from './proxy-command.ts';
import { forwardedSocket, openSocket } from './sockets.ts';
import type { Target } from './target.ts';
import { tokensIn } from './tokens.ts';

/** The way to a host. */
export interface Route {
  readonly socket: Duplex;
  end(): void;
  /** How its program has ended, if it has; of a way that is one. */
  proxyEnded?(): ProxyEnd | undefined;
}

/** A login to the last host before it. */
interface JumpHost {
  readonly client: Client;
  end(): void;
}

/** A byte stream to the host's SSH port: a TCP connection, a forwarding through the jump hosts, or a ProxyCommand. */
export async function routeTo(
  target: Target,
  jump: JumpHost | undefined,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Route> {
  if (target.proxyCommand !== undefined) return proxyTo(target, target.proxyCommand);
  if (jump === undefined) {
    const socket = await openSocket(target, timeoutMs, signal);
    return { socket, end: () => socket.destroy() };
  }
  const socket = await forwardedSocket(jump.client, target, timeoutMs, signal);
  return { socket, end: () => jump.end() };
}

/** What a shell would not take as it is; OpenSSH lets none of it into names. */
const NO_NAME = /^-|[\s"'`$\\;&<>|(){}]/;

function proxyTo(target: Target, configured: string): Route {
  if (target.proxyHandsOver) throw proxyHandsOver(target);
  const { host, tokens, user } = target;
  const names = [
    ['%h', host],
    ['%n', tokens.name],
    ['%k', tokens.alias ?? tokens.name],
    ['%r', user],
  ] as const;
  const [, unsafe] = names.find(([token, name]) => configured.includes(token) && NO_NAME.test(name)) ?? [];
  if (unsafe !== undefined) throw proxyCommandUnsafe(target, unsafe);
  const { socket, ended } = startProxy(tokensIn(configured, target.tokens));
  return { socket, end: () => socket.destroy(), proxyEnded: ended };
}

/** Why the way has ended, where its program knows. */
export function proxyEnd(route: Route): string | undefined {
  const end = route.proxyEnded?.();
  return (
    end && `its ProxyCommand ended (${end.how})${end.said === '' ? '' : `: ${end.said.split('\n').at(-1)}`}`
  );
}
