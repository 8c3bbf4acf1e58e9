import { describe, expect, it } from 'vitest';
import {
  parseServiceState,
  serviceCommand,
  serviceId,
  statusCommand,
} from '../../../../lib/system/service/service-resource.ts';

const answer = (stdout: string, exitCode = 0, stderr = '') => ({
  argv: ['x'],
  exitCode,
  stdout,
  stderr,
  timedOut: false,
});

// The lines are what supervisor 4.2.5 printed; the exit code of a service that is down is 3.
describe('what supervisor says of a service', () => {
  it.each([
    ['patroni                          RUNNING   pid 69, uptime 0:00:20\n', 0, { state: 'running', pid: 69 }],
    ['patroni                          STARTING  \n', 3, { state: 'running', changing: 'starting' }],
    ['patroni                          STOPPING  \n', 3, { state: 'running', changing: 'stopping' }],
    ['patroni                          STOPPED   Nov 22 03:02 PM\n', 3, { state: 'stopped' }],
    ['patroni                          STOPPED   Not started\n', 3, { state: 'stopped' }],
    ['patroni                          EXITED    Nov 22 03:02 PM\n', 3, { state: 'stopped' }],
    [
      'patroni                          BACKOFF   Exited too quickly (process log may have details)\n',
      3,
      { state: 'failed', changing: 'starting' },
    ],
    ["patroni                          FATAL     can't find command '/nope'\n", 3, { state: 'failed' }],
    ['patroni: ERROR (no such process)\n', 4, { state: 'missing' }],
    ['patroni: ERROR (no such group)\n', 4, { state: 'missing' }],
    [
      'patroni:patroni                  RUNNING   pid 7, uptime 1 day, 0:00:20\n',
      0,
      { state: 'running', pid: 7 },
    ],
  ])('%j', (stdout, exitCode, expected) => {
    const { detail: _detail, ...state } = parseServiceState(
      'supervisor',
      'patroni',
      answer(stdout, exitCode),
    );
    expect(state).toEqual(expected);
  });

  it.each([
    ['unix:///var/run/supervisor.sock no such file\n', 4],
    ['unix:///var/run/supervisor.sock refused connection\n', 4],
    ['', 127],
    ['patroni2                         RUNNING   pid 69, uptime 0:00:20\n', 0],
  ])('a manager that does not answer (%j) is a failure, never a stopped service', (stdout, exitCode) => {
    expect(() => parseServiceState('supervisor', 'patroni', answer(stdout, exitCode))).toThrow(
      expect.objectContaining({ kind: 'failed', code: 'service-manager-silent' }),
    );
  });
});

describe('what systemd says of a service', () => {
  const show = (active: string, sub: string, pid = 0, load = 'loaded', result = 'success') =>
    `MainPID=${pid}\nResult=${result}\nLoadState=${load}\nActiveState=${active}\nSubState=${sub}\n`;

  it.each([
    [show('active', 'running', 42), { state: 'running', pid: 42, detail: 'active running' }],
    [show('active', 'exited'), { state: 'running', detail: 'active exited' }],
    [
      show('activating', 'auto-restart'),
      { state: 'running', changing: 'starting', detail: 'activating auto-restart' },
    ],
    [
      show('deactivating', 'stop-sigterm', 42),
      { state: 'running', changing: 'stopping', pid: 42, detail: 'deactivating stop-sigterm' },
    ],
    [show('inactive', 'dead'), { state: 'stopped', detail: 'inactive dead' }],
    // Its unit file was removed while it runs.
    [
      show('active', 'running', 42, 'not-found'),
      { state: 'running', pid: 42, detail: 'active running not-found' },
    ],
    [
      show('failed', 'failed', 0, 'loaded', 'exit-code'),
      { state: 'failed', detail: 'failed failed exit-code' },
    ],
    [
      show('inactive', 'dead', 0, 'masked'),
      { state: 'stopped', masked: true, detail: 'inactive dead masked' },
    ],
    [show('inactive', 'dead', 0, 'not-found'), { state: 'missing', detail: 'not-found' }],
  ])('%j', (stdout, expected) => {
    expect(parseServiceState('systemd', 'patroni', answer(stdout))).toEqual(expected);
  });

  it('a host without systemd is a failure with its words', () => {
    const told = answer(
      '',
      1,
      "System has not been booted with systemd as init system (PID 1). Can't operate.\n",
    );
    expect(() => parseServiceState('systemd', 'patroni', told)).toThrow(
      expect.objectContaining({
        code: 'service-manager-silent',
        evidence: expect.objectContaining({ stderr: expect.stringContaining('not been booted') }),
      }),
    );
  });
});

describe('commands for service managers', () => {
  it.each([
    ['supervisor', 'stop', ['supervisorctl', 'stop', 'patroni']],
    ['supervisor', 'reload', ['supervisorctl', 'signal', 'HUP', 'patroni']],
    ['systemd', 'start', ['systemctl', '--no-ask-password', 'start', '--', 'patroni.service']],
  ] as const)('%s %s', (manager, action, expected) => {
    expect(serviceCommand(manager, 'patroni', action)).toEqual(expected);
  });

  it('asks about the same thing that it acts on', () => {
    expect(statusCommand('systemd', 'postgresql@15-main').at(-1)).toBe('postgresql@15-main.service');
    expect(serviceCommand('systemd', 'pg.socket', 'stop').at(-1)).toBe('pg.socket');
    expect(serviceId('supervisor', 'patroni')).toBe('supervisor:patroni');
  });
});
