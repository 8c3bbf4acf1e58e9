import { connect as connectSocket, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { patientTimeout } from '../../base/wait/patient-timeout.ts';
import { connectionLost, connectTimedOut, handshakeFailed, socketFailed } from './errors.ts';
import type { Target } from './target.ts';

/** A TCP connection to the host. */
export function openSocket(target: Target, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // Without Nagle's algorithm off, each command would wait for the host's delayed acknowledgement.
    const socket = connectSocket({ host: target.host, port: target.port, noDelay: true, keepAlive: true });
    const finish = (act: () => void): void => {
      callOff();
      signal.removeEventListener('abort', abort);
      act();
    };
    const callOff = patientTimeout(
      () =>
        finish(() => {
          socket.destroy();
          reject(connectTimedOut(target, timeoutMs, 'the TCP connection'));
        }),
      timeoutMs,
    );
    const abort = (): void =>
      finish(() => {
        socket.destroy();
        reject(connectionLost(target, 'interrupted'));
      });
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => finish(() => resolve(socket)));
    socket.once('error', (error) => finish(() => reject(socketFailed(target, error))));
    socket.on('error', () => {
      // ssh2 listens as well; this one stays when it no longer does.
    });
  });
}

/** The jump host says nothing as long as its own connection to the host is neither made nor refused. */
export function forwardedSocket(
  jump: Client,
  target: Target,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    let over = false;
    const finish = (act: () => void): void => {
      over = true;
      callOff();
      signal.removeEventListener('abort', abort);
      act();
    };
    const late = connectTimedOut(target, timeoutMs, 'the TCP connection through the jump host');
    const callOff = patientTimeout(() => finish(() => reject(late)), timeoutMs);
    const abort = (): void => finish(() => reject(connectionLost(target, 'interrupted')));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    jump.forwardOut('127.0.0.1', 0, target.host, target.port, (error, socket) => {
      if (over) socket?.destroy();
      else finish(() => (error ? reject(handshakeFailed(target, error)) : resolve(socket)));
    });
  });
}
