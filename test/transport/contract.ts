import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import { relay, withDigest } from '../../lib/transport/relay.ts';
import type { ConnectionSettings, HostConnection } from '../../lib/transport/types.ts';

/** A real host for the suite. */
export interface Peer extends AsyncDisposable {
  readonly settings: ConnectionSettings;
  /** Takes the host or its connections away, the hard way. Undefined for the controller itself, which cannot go. */
  readonly breakDown: (() => Promise<void>) | undefined;
}

const MIB = 1024 * 1024;

/** The time after which a command is ended that has come to its middle by then, however busy its host is. */
const LONG_BEGUN_MS = 15_000;

/** What ends a command: TERM, or KILL where it took two seconds over that, as it may on a busy host. */
export const ENDING: unknown = expect.stringMatching(/^SIG(TERM|KILL)$/);

const HOSTILE = [
  '',
  ' ',
  "'",
  '"',
  "it's",
  "'\\''",
  '$HOME',
  '`id`',
  '$(id)',
  '\\',
  'back\\slash\\n',
  'a\nb\n\nc\n',
  '\t\r\u0007\u001b[31m\u001e',
  '*',
  '~root',
  '!!',
  '#no comment',
  '-n',
  '--',
  ';&|<>(){}[]',
  'größe ☃ 🐘',
  '\u0081\u0088\u00ff',
  'x'.repeat(20_000),
];

/** What every kind of connection promises, tried on a real host of that kind. */
export function transportContract(
  start: () => Promise<Peer>,
  kind: ConnectionSettings['kind'] | 'openssh',
): void {
  // The OpenSSH client does not say which signal has ended a shell.
  const killed = kind === 'openssh' ? 'unknown' : 'SIGKILL';

  let peer: Peer;
  let host: HostConnection;
  let directory: string;

  beforeAll(async () => {
    peer = await start();
    host = connectHost('under-test', peer.settings);
    directory = (await host.run(['mktemp', '-d'])).stdout.trim();
    await host.run(['chmod', '755', directory]);
  });

  afterAll(async () => {
    await host.run(['rm', '-rf', directory]);
    await host.close();
    await peer[Symbol.asyncDispose]();
  });

  /** Whether a process with this argument still runs on the host. */
  const runs = async (marker: string): Promise<boolean> => {
    const { stdout } = await host.run(['sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null']);
    return stdout.includes(`sleep\0${marker}\0`);
  };
  /** A number of seconds that no other process sleeps. */
  const uniqueSeconds = (): string => String(100_000 + Math.floor(Math.random() * 900_000));

  describe('commands', () => {
    it('hands every argument on as it is', async () => {
      const script = 'for word; do printf "%s\\0" "$word"; done';
      const result = await host.run(['sh', '-c', script, 'sh', ...HOSTILE]);
      expect(result.stdout.split('\0').slice(0, -1)).toEqual(HOSTILE);
      expect(result.stderr).toBe('');
    });

    it('hands every variable on as it is, and to this command only', async () => {
      const env = Object.fromEntries(HOSTILE.map((value, index) => [`PITR_TEST_${index}`, value]));
      const script = `${HOSTILE.map((_, index) => `printf '%s\\0' "$PITR_TEST_${index}"`).join('; ')}`;
      for (const ownChannel of [false, true]) {
        const { stdout } = await host.run(['sh', '-c', script], { env, ownChannel });
        expect(stdout.split('\0').slice(0, -1)).toEqual(HOSTILE);
      }
      expect((await host.run(['sh', '-c', 'echo "[$PITR_TEST_4]"'])).stdout).toBe('[]\n');
    });

    it.each([0, 1, 3, 42, 124, 126, 127, 255])('tells exit code %d', async (code) => {
      for (const ownChannel of [false, true]) {
        const result = await host.run(['sh', '-c', `exit ${code}`], { ownChannel });
        expect(result).toMatchObject({ exitCode: code, stdout: '', stderr: '', timedOut: false });
        expect(result.signal).toBeUndefined();
      }
    });

    it.each([
      ['TERM', 'SIGTERM'],
      ['KILL', 'SIGKILL'],
      ['HUP', 'SIGHUP'],
    ])('tells a command that signal %s ended', async (signal, expected) => {
      for (const ownChannel of [false, true]) {
        const result = await host.run(['sh', '-c', `kill -${signal} $$`], { ownChannel });
        expect(result.signal).toBe(expected);
        expect(result.exitCode).toBeUndefined();
      }
    });

    it('keeps both streams apart and trims nothing', async () => {
      const result = await host.run(['sh', '-c', 'printf " out\\n\\n"; printf " err" >&2']);
      expect(result).toMatchObject({ stdout: ' out\n\n', stderr: ' err' });
    });

    it('runs no builtin of the shell in the place of a program', async () => {
      const result = await host.run(['no-such-program-anywhere', 'x']);
      expect(result.exitCode).toBe(127);
      expect((await host.run(['exit', '3'])).exitCode).toBe(127);
    });

    it.each([
      ['output without a newline at its end', ['printf', 'x'], 'x'],
      ['NUL bytes', ['printf', 'a\\0b\\0'], 'a\0b\0'],
      ['unclosed quotes in output', ['printf', `"'\`$(({\\n`], `"'\`$(({\n`],
      ['what looks like a mark in output', ['printf', '\\036deadbeef ended 0\\n'], '\x1edeadbeef ended 0\n'],
    ])('survives %s', async (_, argv, expected) => {
      expect((await host.run(argv)).stdout).toBe(expected);
      expect((await host.run(['echo', 'next'])).stdout).toBe('next\n');
    });

    it('runs a script in the shell that is there, and nothing of it stays', async () => {
      const script = `trap 'echo left' EXIT; cd /; umask 0; x=1; set -C; for word; do printf '%s\\0' "$word"; done; cat`;
      for (const stdin of [undefined, "it's typed"]) {
        const result = await host.run(['sh', '-c', `${script}; exit 7`, 'sh', ...HOSTILE], {
          inShell: true,
          stdin,
        });
        expect(result.stdout.split('\0')).toEqual([...HOSTILE, `${stdin ?? ''}left\n`]);
        expect(result).toMatchObject({ exitCode: 7, stderr: '' });
      }
      const after = 'pwd; umask; echo "[$x]"; trap; case $- in *C*) echo C ;; esac; echo $#';
      const [plain, inShell] = [
        await host.run(['sh', '-c', after]),
        await host.run(['sh', '-c', after], { inShell: true }),
      ];
      expect(inShell.stdout).toBe(plain.stdout);
      const [first, second] = await host.batch([
        { argv: ['sh', '-c', 'exit 3'], inShell: true },
        { argv: ['sh', '-c', "kill -TERM $(sh -c 'echo $PPID'); sleep 9"], inShell: true },
      ]);
      expect(first?.exitCode).toBe(3);
      expect(second?.signal).toBe('SIGTERM');
      expect((await host.run(['echo', 'next'])).stdout).toBe('next\n');
    });

    it('survives syntax errors, exits and unset options in the text of a command', async () => {
      for (const script of ['if', 'x=(', "echo 'unclosed", 'exit 9', 'set -e; false; true', 'exec 1>&-']) {
        await host.run(['sh', '-c', script]);
        expect((await host.run(['echo', 'next'])).stdout).toBe('next\n');
      }
    });

    it('opens the shell anew when a command has killed it, and tells the signal', async () => {
      const result = await host.run(['sh', '-c', 'kill -KILL $PPID']);
      expect(result.signal).toBe(killed);
      expect((await host.run(['echo', 'next'])).stdout).toBe('next\n');
    });

    it('lets no command read what is meant for the next one', async () => {
      const [first, second] = await Promise.all([host.run(['cat']), host.run(['echo', 'second'])]);
      expect(first.stdout).toBe('');
      expect(second.stdout).toBe('second\n');
    });

    it('enters the directory, or does not start the command', async () => {
      expect((await host.run(['pwd'], { cwd: directory })).stdout).toBe(`${directory}\n`);
      expect((await host.run(['pwd'])).stdout).not.toBe(`${directory}\n`);
      for (const ownChannel of [false, true]) {
        const refused = host.run(['touch', `${directory}/touched`], { cwd: '/no/such dir', ownChannel });
        await expect(refused).rejects.toMatchObject({
          kind: 'failed',
          code: 'directory-not-entered',
          host: 'under-test',
        });
      }
      expect((await host.run(['test', '-e', `${directory}/touched`])).exitCode).toBe(1);
    });

    it('takes arguments longer than one word of the kernel by a channel of its own', async () => {
      const words = Array.from({ length: 4 }, () => 'y'.repeat(40_000));
      const result = await host.run(['sh', '-c', 'printf %s "$*" | wc -c', 'sh', ...words]);
      expect(Number(result.stdout)).toBe(4 * 40_000 + 3);
    });

    it('refuses a NUL in an argument before anything runs', async () => {
      await expect(host.run(['echo', 'a\0b'])).rejects.toMatchObject({ code: 'nul-in-argument' });
    });
  });

  describe('stdin and stdout', () => {
    const binary = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      randomBytes(5000),
    ]);

    it.each([
      ['nothing', undefined, ''],
      ['an empty text', '', ''],
      ['text without a newline', 'abc', 'abc'],
      ['text that looks like shell', "$(id) `id` ' EOF\n", "$(id) `id` ' EOF\n"],
      ['text of many bytes', 'größe\n'.repeat(30_000), 'größe\n'.repeat(30_000)],
    ])('gives the command %s', async (_, stdin, expected) => {
      for (const ownChannel of [false, true]) {
        expect((await host.run(['cat'], { stdin, ownChannel })).stdout).toBe(expected);
      }
    });

    it('gives binary stdin and takes binary stdout', async () => {
      const process = await host.spawn(['cat']);
      process.stdin.end(binary);
      process.stderr.resume();
      expect((await buffer(process.stdout)).equals(binary)).toBe(true);
      expect(await process.ended).toEqual({ exitCode: 0 });
      const hash = createHash('sha256').update(binary).digest('hex');
      expect((await host.run(['sha256sum'], { stdin: binary })).stdout.slice(0, 64)).toBe(hash);
    });

    it('lets a command talk back before its stdin is closed', async () => {
      const process = await host.spawn(['sh', '-c', 'while read -r line; do echo "got $line"; done']);
      process.stderr.resume();
      process.stdin.write('one\n');
      const [first] = await once(process.stdout, 'data');
      expect(String(first)).toBe('got one\n');
      process.stdin.end('two\n');
      expect(await text(process.stdout)).toBe('got two\n');
    });

    it('ends the writer when the command does not read to the end', async () => {
      const process = await host.spawn(['true']);
      process.stdout.resume();
      process.stderr.resume();
      const writing = pipeline(Readable.from(chunks(20 * MIB)), process.stdin);
      await expect(writing).rejects.toThrow();
      expect(await process.ended).toEqual({ exitCode: 0 });
    });

    it('streams 100 MB out and in, unchanged', async () => {
      const hash = createHash('sha256');
      const out = await host.spawn(['head', '-c', String(100 * MIB), '/dev/urandom']);
      const sink = await host.spawn(['sha256sum']);
      out.stderr.resume();
      sink.stderr.resume();
      const sum = text(sink.stdout);
      const observed = async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          hash.update(chunk);
          yield chunk;
        }
      };
      await pipeline(out.stdout, observed, sink.stdin);
      expect((await sum).slice(0, 64)).toBe(hash.digest('hex'));
      expect([await out.ended, await sink.ended]).toEqual([{ exitCode: 0 }, { exitCode: 0 }]);
    });

    it('holds a fast source back when its reader is slow', async () => {
      const process = await host.spawn(['sh', '-c', 'yes | head -c 50000000; echo done >&2']);
      let finished = false;
      process.stderr.on('data', () => {
        finished = true;
      });
      await once(process.stdout, 'readable');
      // Other work of the same host goes on meanwhile.
      for (let i = 0; i < 20; i++) await host.run(['true']);
      expect(finished).toBe(false);
      let bytes = 0;
      for await (const chunk of process.stdout) bytes += chunk.length;
      expect(bytes).toBe(50_000_000);
    });

    it('shows output while the command runs', async () => {
      const seen: string[] = [];
      let sawFirst = (): void => {};
      const first = new Promise<void>((resolve) => {
        sawFirst = resolve;
      });
      const file = `${directory}/go`;
      const running = host.run(
        ['sh', '-c', `echo one; while [ ! -e ${file} ]; do sleep 0.05; done; echo two`],
        {
          onOutput: (stream, chunk) => {
            seen.push(`${stream}:${Buffer.from(chunk).toString()}`);
            sawFirst();
          },
        },
      );
      await first;
      expect(seen).toEqual(['stdout:one\n']);
      await host.run(['touch', file], { ownChannel: true });
      expect((await running).stdout).toBe('one\ntwo\n');
    });

    it('drops the middle of endless output', async () => {
      const { stdout } = await host.run(['sh', '-c', 'echo first; yes | head -c 100000; echo last'], {
        maxOutputBytes: 1000,
      });
      expect(stdout).toMatch(/^first\ny\n/);
      expect(stdout).toMatch(/\[\.\.\. \d+ bytes dropped here \.\.\.\]/);
      expect(stdout).toMatch(/y\nlast\n$/);
      expect(stdout.length).toBeLessThan(1100);
    });
  });

  describe('time and ends', () => {
    it('ends a command that hangs, with its children, and says that the time was over', async () => {
      const ends = async (ownChannel: boolean): Promise<void> => {
        const [one, two] = [uniqueSeconds(), uniqueSeconds()];
        const script = `echo begun; (sleep ${one} &) ; timeout ${two} sleep ${two}`;
        const result = await host.run(['sh', '-c', script], { timeoutMs: LONG_BEGUN_MS, ownChannel });
        expect(result).toMatchObject({ timedOut: true, stdout: 'begun\n' });
        expect(await runs(one)).toBe(false);
        // The watcher of busybox's timeout, which bears the same arguments, looks only once a second.
        await until(async () => !(await runs(two)));
      };
      await Promise.all([false, true].map(ends));
      expect((await host.run(['echo', 'next'])).stdout).toBe('next\n');
    });

    it('ends a command that does not listen to TERM', async () => {
      const seconds = uniqueSeconds();
      const script = `trap '' TERM; sleep ${seconds}; sleep ${seconds}`;
      const result = await host.run(['sh', '-c', script], { timeoutMs: LONG_BEGUN_MS });
      expect(result).toMatchObject({ timedOut: true, signal: 'SIGKILL' });
      expect(await runs(seconds)).toBe(false);
    });

    it('does not end what an earlier command left running on purpose', async () => {
      const [server, hanging] = [uniqueSeconds(), uniqueSeconds()];
      const { stdout } = await host.run(['sh', '-c', `sleep ${server} >/dev/null 2>&1 </dev/null & echo $!`]);
      await host.run(['sleep', hanging], { timeoutMs: 200 });
      expect([await runs(server), await runs(hanging)]).toEqual([true, false]);
      await host.run(['kill', stdout.trim()]);
    });

    it('stops a command at an abort, with its children, and throws', async () => {
      for (const ownChannel of [false, true]) {
        const seconds = uniqueSeconds();
        const controller = new AbortController();
        const running = host.run(['sh', '-c', `echo begun; sleep ${seconds}; true`], {
          ownChannel,
          signal: controller.signal,
          onOutput: () => controller.abort(),
        });
        await expect(running).rejects.toMatchObject({ kind: 'interrupted', host: 'under-test' });
        expect(await runs(seconds)).toBe(false);
      }
    });

    it('does not start what was aborted before', async () => {
      const signal = AbortSignal.abort();
      await expect(host.run(['touch', `${directory}/aborted`], { signal })).rejects.toMatchObject({
        kind: 'interrupted',
      });
      expect((await host.run(['test', '-e', `${directory}/aborted`])).exitCode).toBe(1);
    });

    it('does not wait for a child that a command leaves behind', async () => {
      for (const ownChannel of [false, true]) {
        const seconds = uniqueSeconds();
        const result = await host.run(['sh', '-c', `sleep ${seconds} & echo $!`], {
          ownChannel,
          timeoutMs: 20_000,
        });
        expect(result).toMatchObject({ exitCode: 0, timedOut: false });
        expect(await runs(seconds)).toBe(true);
        await host.run(['kill', result.stdout.trim()]);
      }
    });

    it('ends a spawned command with its children on demand', async () => {
      const seconds = uniqueSeconds();
      const process = await host.spawn(['sh', '-c', `echo begun; sleep ${seconds}; true`]);
      process.stderr.resume();
      await once(process.stdout, 'data');
      process.stdout.resume();
      await process.kill();
      // What ends by it is not killed.
      expect(await process.ended).toEqual({ signal: 'SIGTERM' });
      expect(await runs(seconds)).toBe(false);
    });

    it('ends a spawned command when its signal is aborted', async () => {
      const seconds = uniqueSeconds();
      const controller = new AbortController();
      const process = await host.spawn(['sh', '-c', `echo begun; sleep ${seconds}; true`], {
        signal: controller.signal,
      });
      process.stderr.resume();
      await once(process.stdout, 'data');
      process.stdout.resume();
      controller.abort();
      await expect(process.ended).rejects.toMatchObject({ kind: 'interrupted' });
      expect(await runs(seconds)).toBe(false);
    });
  });

  // A fork that has begun goes on in a process that is told to stop: its child came after the look for children.
  it('ends the children that a command makes while it is ended', async () => {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const seconds = uniqueSeconds();
      const controller = new AbortController();
      const script = `i=0; while [ $i -lt 50 ]; do [ $i = 25 ] && echo begun; sleep ${seconds} & i=$((i + 1)); done; wait`;
      const process = await host.spawn(['sh', '-c', script], { signal: controller.signal });
      process.stderr.resume();
      await once(process.stdout, 'data');
      process.stdout.resume();
      controller.abort();
      await expect(process.ended).rejects.toMatchObject({ kind: 'interrupted' });
      expect(await runs(seconds)).toBe(false);
    }
  });

  it('ends a spawned command whose output nobody takes when its signal is aborted', async () => {
    const controller = new AbortController();
    const process = await host.spawn(['sh', '-c', 'yes 0123456789 | head -c 3000000; sleep 100'], {
      signal: controller.signal,
    });
    process.stderr.resume();
    await once(process.stdout, 'readable');
    controller.abort();
    await expect(process.ended).rejects.toMatchObject({ kind: 'interrupted' });
    process.stdout.resume();
  });

  describe('several at once', () => {
    it('answers a batch in order, each command with its own result, none stopping the next', async () => {
      const results = await host.batch([
        { argv: ['echo', 'one'] },
        { argv: ['sh', '-c', 'echo two >&2; exit 2'] },
        { argv: ['sh', '-c', 'echo "$THREE"'], env: { THREE: '3' } },
        { argv: ['id', '-un'], user: 'nobody' },
        { argv: ['printf', 'five'] },
      ]);
      expect(results.map(({ stdout, stderr, exitCode }) => [stdout, stderr, exitCode])).toEqual([
        ['one\n', '', 0],
        ['', 'two\n', 2],
        ['3\n', '', 0],
        ['nobody\n', '', 0],
        ['five', '', 0],
      ]);
    });

    it('goes on with a batch when one of its commands has killed the shell', async () => {
      const results = await host.batch([
        { argv: ['echo', 'one'] },
        { argv: ['sh', '-c', 'kill -KILL $PPID'] },
        { argv: ['echo', 'three'] },
      ]);
      expect(results.map(({ stdout, signal }) => [stdout, signal])).toEqual([
        ['one\n', undefined],
        ['', killed],
        ['three\n', undefined],
      ]);
    });

    it('ends only the command of a batch whose time is over', async () => {
      const results = await host.batch([{ argv: ['sleep', '77'] }, { argv: ['echo', 'two'] }], {
        timeoutMs: 10_000,
      });
      expect(results.map(({ stdout, timedOut }) => [stdout, timedOut])).toEqual([
        ['', true],
        ['two\n', false],
      ]);
    });

    it('starts nothing more of a batch after an abort', async () => {
      const controller = new AbortController();
      const file = `${directory}/batch`;
      const began = `${directory}/began`;
      const running = host.batch(
        [{ argv: ['sh', '-c', `touch ${began}; sleep 77`] }, { argv: ['touch', file] }],
        { signal: controller.signal },
      );
      running.catch(() => {});
      await until(async () => (await host.run(['test', '-e', began], { ownChannel: true })).exitCode === 0);
      controller.abort();
      await expect(running).rejects.toMatchObject({ kind: 'interrupted' });
      expect((await host.run(['test', '-e', file])).exitCode).toBe(1);
    });

    it('runs many commands side by side without mixing their answers', async () => {
      const numbers = Array.from({ length: 40 }, (_, index) => index);
      const results = await Promise.all(
        numbers.map((n) => host.run(['sh', '-c', `echo ${n}; exit ${n}`], { ownChannel: n % 4 === 0 })),
      );
      expect(results.map(({ stdout, exitCode }) => [stdout, exitCode])).toEqual(
        numbers.map((n) => [`${n}\n`, n]),
      );
    });

    it('does not make a short command wait for a long one', async () => {
      const file = `${directory}/long`;
      const long = host.run(['sh', '-c', `while [ ! -e ${file} ]; do sleep 0.05; done`]);
      expect((await host.run(['touch', file])).exitCode).toBe(0);
      expect((await long).exitCode).toBe(0);
    });
  });

  describe('another user', () => {
    it('runs a command as another user, with that home and those names', async () => {
      for (const ownChannel of [false, true]) {
        const script =
          'id -un; echo "$USER $LOGNAME"; [ "$HOME" = ~ ] && [ "$HOME" != /root ] && echo home; pwd';
        const { stdout, stderr } = await host.run(['sh', '-c', script], { user: 'nobody', ownChannel });
        const lines = stdout.split('\n');
        expect([...lines.slice(0, 3), stderr]).toEqual(['nobody', 'nobody nobody', 'home', '']);
        expect(lines[3]).not.toBe('/root');
      }
    });

    it('streams as another user, and ends what it started there', async () => {
      const seconds = uniqueSeconds();
      const process = await host.spawn(['sh', '-c', `cat; sleep ${seconds}; true`], { user: 'nobody' });
      process.stderr.resume();
      process.stdin.end('begun');
      await once(process.stdout, 'data');
      process.stdout.resume();
      await process.kill();
      expect(await process.ended).toEqual({ signal: ENDING });
      expect(await runs(seconds)).toBe(false);
    });

    it('says that a user cannot be become, with the reason that the host gave', async () => {
      const refused = host.run(['true'], { user: 'nosuchuser' });
      await expect(refused).rejects.toMatchObject({ kind: 'failed', code: 'become-failed' });
      const error = await refused.catch((thrown: unknown) => thrown);
      expect(error instanceof PitrError && error.evidence?.stderr).toMatch(/nosuchuser/);
    });
  });

  describe('closing', () => {
    it('lets go of a busy host, so that the program can end', async () => {
      const other = connectHost('other', peer.settings);
      await other.connect();
      const [one, two] = [other.run(['sleep', '20']), other.run(['sleep', '20'], { ownChannel: true })].map(
        (running) => running.catch((error: unknown) => error),
      );
      await other.run(['true']);
      await other.close();
      await expect(other.run(['true'])).rejects.toMatchObject({ code: 'connection-closed' });
      expect(await Promise.all([one, two])).toHaveLength(2);
    });
  });

  describe('files', () => {
    it.each([
      ['a small text', 'key = value\n'],
      ['an empty file', ''],
      ['text with quotes and no newline', `it's "$HOME" \`id\` \\n %s %%`],
      ['small binary', randomBytes(3000)],
      ['large binary', randomBytes(3 * MIB)],
      ['large text', 'größe\n'.repeat(100_000)],
    ])('writes and reads back %s', async (_, content) => {
      const path = `${directory}/it's a file`;
      await host.writeFile(path, content);
      expect(Buffer.from(await host.readFile(path)).equals(Buffer.from(content))).toBe(true);
    });

    it('writes a stream of unknown length', async () => {
      const path = `${directory}/streamed`;
      await host.writeFile(path, Readable.from(chunks(5 * MIB)));
      expect((await host.run(['sh', '-c', 'wc -c <"$1"', 'sh', path])).stdout.trim()).toBe(String(5 * MIB));
    });

    it('makes new files private, and keeps mode and owner of old ones unless told', async () => {
      const path = `${directory}/modes`;
      const look = async () => (await host.run(['stat', '-c', '%a %U:%G', path])).stdout.trim();
      await host.writeFile(path, 'one');
      expect(await look()).toBe('600 root:root');
      await host.run(['chown', 'nobody:nogroup', path]);
      await host.run(['chmod', '4711', path]);
      await host.writeFile(path, 'two');
      expect(await look()).toBe('4711 nobody:nogroup');
      await host.writeFile(path, randomBytes(100_000), { mode: 0o640, owner: 'root' });
      expect(await look()).toBe('640 root:nogroup');
      await host.writeFile(path, 'four', { mode: 0o644, group: 'root' });
      expect(await look()).toBe('644 root:root');
    });

    it('replaces a symbolic link and leaves what it points at', async () => {
      const [target, link] = [`${directory}/target`, `${directory}/link`];
      await host.writeFile(target, 'precious');
      await host.run(['ln', '-s', target, link]);
      await host.writeFile(link, 'new');
      expect(Buffer.from(await host.readFile(target)).toString()).toBe('precious');
      expect(Buffer.from(await host.readFile(link)).toString()).toBe('new');
    });

    it('leaves the old file and no other when it cannot write', async () => {
      const path = `${directory}/kept`;
      await host.writeFile(path, 'old');
      const broken = Readable.from(
        (async function* () {
          yield Buffer.alloc(100_000);
          throw new Error('the source broke');
        })(),
      );
      await expect(host.writeFile(path, broken)).rejects.toMatchObject({
        kind: 'failed',
        code: 'source-failed',
      });
      await expect(host.writeFile(path, 'new', { owner: 'nosuchuser' })).rejects.toMatchObject({
        kind: 'failed',
        code: 'file-not-written',
      });
      const big = randomBytes(100_000);
      await expect(host.writeFile(path, big, { owner: 'nosuchuser' })).rejects.toMatchObject({
        code: 'file-not-written',
      });
      await expect(host.writeFile(directory, 'x')).rejects.toMatchObject({ code: 'file-not-written' });
      await expect(host.writeFile(`${directory}/no/dir`, big)).rejects.toMatchObject({
        code: 'file-not-written',
      });
      expect(Buffer.from(await host.readFile(path)).toString()).toBe('old');
      expect((await host.run(['sh', '-c', 'ls -a "$1"', 'sh', directory])).stdout).not.toContain('.pitr-');
    });

    it('leaves nothing beside a file when it is interrupted behind the last byte', async () => {
      const controller = new AbortController();
      const content = async function* () {
        yield Buffer.alloc(300_000, 'x');
        controller.abort();
      };
      const path = `${directory}/interrupted`;
      const { signal } = controller;
      await expect(host.writeFile(path, Readable.from(content()), { signal })).rejects.toMatchObject({
        kind: 'interrupted',
      });
      const { stdout } = await host.run(['sh', '-c', 'ls -a "$1"', 'sh', directory]);
      expect(stdout).not.toMatch(/\.pitr-|interrupted/);
    });

    it('tells a missing file from one that cannot be read', async () => {
      await expect(host.readFile(`${directory}/none`)).rejects.toMatchObject({
        kind: 'failed',
        code: 'file-missing',
      });
      await expect(host.readFile(directory)).rejects.toMatchObject({ kind: 'failed', code: 'file-not-read' });
      await host.writeFile(`${directory}/secret`, 'x');
      await expect(host.readFile(`${directory}/secret`, { user: 'nobody' })).rejects.toMatchObject({
        code: 'file-not-read',
      });
    });
  });

  describe('relay', () => {
    it('brings 100 MB from one host to another and proves it by checksum at both ends', async () => {
      const other = connectHost('other', peer.settings);
      try {
        const size = 100 * MIB;
        const source = await host.spawn(withDigest(['head', '-c', String(size), '/dev/urandom'], 'source'));
        const sink = await other.spawn(withDigest(['wc', '-c'], 'sink'));
        const result = await relay(source, sink, { what: '100 MB', verifyDigests: true });
        expect(result.bytes).toBe(size);
        expect(result.sinkStdout.trim()).toBe(String(size));
      } finally {
        await other.close();
      }
    });

    it('takes a source that broke off for a failure, though its stream ended well', async () => {
      const source = await host.spawn(
        withDigest(['sh', '-c', 'head -c 1000000 /dev/zero; echo oops >&2; exit 7'], 'source'),
      );
      const sink = await host.spawn(['cat']);
      await expect(relay(source, sink, { what: 'x' })).rejects.toMatchObject({
        code: 'relay-source-failed',
        evidence: { exitCode: 7, stderr: expect.stringContaining('oops') },
      });
    });

    it('stops the source when the sink fails, and blames the sink', async () => {
      const source = await host.spawn(['cat', '/dev/zero']);
      const sink = await host.spawn(['sh', '-c', 'head -c 1000 >/dev/null; echo full >&2; exit 5']);
      await expect(relay(source, sink, { what: 'x' })).rejects.toMatchObject({
        code: 'relay-sink-failed',
        evidence: { exitCode: 5, stderr: 'full' },
      });
      expect(await source.ended).toEqual({ signal: ENDING });
    });

    it('notices that the sink did not get what was sent', async () => {
      const source = await host.spawn(withDigest(['head', '-c', '1000', '/dev/urandom'], 'source'));
      const sink = await host.spawn(['sh', '-c', `cat >/dev/null; echo "pitr-sha256 ${'0'.repeat(64)}" >&2`]);
      await expect(relay(source, sink, { what: 'x', verifyDigests: true })).rejects.toMatchObject({
        code: 'relay-digest-differs',
      });
    });
  });

  if (kind !== 'local') {
    describe('a host that goes away', () => {
      it('fails what runs as unreachable, never as a result', async () => {
        const doomed = await start();
        try {
          const victim = connectHost('victim', doomed.settings);
          await victim.connect();
          const process = await victim.spawn(['cat']);
          process.stderr.resume();
          const lost = [
            victim.run(['sleep', '100']),
            victim.run(['sleep', '100'], { ownChannel: true }),
            process.ended,
            text(process.stdout),
          ].map((promise) => promise.catch((error: unknown) => error));
          // Answered on a channel of its own: the standing shell is busy, so the others have begun.
          await victim.run(['true']);
          await doomed.breakDown?.();
          for (const error of await Promise.all(lost)) expect(error).toMatchObject({ kind: 'unreachable' });
          await victim.close();
        } finally {
          await doomed[Symbol.asyncDispose]();
        }
      });
    });
  }
}

function* chunks(total: number): Generator<Buffer> {
  const chunk = Buffer.alloc(64 * 1024, 'abc');
  for (let at = 0; at < total; at += chunk.length)
    yield chunk.subarray(0, Math.min(chunk.length, total - at));
}

/** Asks again until it is so, at most 20 s. */
async function until(so: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await so())) {
    if (performance.now() > deadline) throw new Error('it did not become so within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
