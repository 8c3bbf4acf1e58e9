import { describe, expect, it } from 'vitest';
import { parseFacts } from '../../../../lib/system/core/host-facts.ts';

const answer = (stdout: string) => ({
  argv: ['sh'],
  exitCode: 0,
  stdout,
  stderr: '',
  durationMs: 1,
  timedOut: false,
});

const DEBIAN = `\x1eos
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
\x1ecpu
2
AMD EPYC
\x1ememory
MemTotal:        8131476 kB
MemAvailable:    4065738 kB
SwapTotal:             0 kB
\x1eusers
root:x:0:0:root:/root:/bin/bash
postgres:x:26:27:PostgreSQL,,,:/var/lib/postgresql:/bin/bash
`;

describe('facts about a host', () => {
  it('are read from one answer', () => {
    expect(parseFacts(['os', 'cpu', 'memory', 'users'], answer(DEBIAN))).toEqual({
      os: {
        id: 'debian',
        like: [],
        version: '12',
        codename: 'bookworm',
        name: 'Debian GNU/Linux 12 (bookworm)',
      },
      cpu: { count: 2, model: 'AMD EPYC' },
      memory: { total_bytes: 8131476 * 1024, available_bytes: 4065738 * 1024, swap_bytes: 0 },
      users: {
        root: { uid: 0, gid: 0, home: '/root', shell: '/bin/bash' },
        postgres: { uid: 26, gid: 27, home: '/var/lib/postgresql', shell: '/bin/bash' },
      },
    });
  });

  it('that the host did not tell are a failure, not empty', () => {
    expect(() => parseFacts(['kernel'], answer(DEBIAN))).toThrow(
      expect.objectContaining({ code: 'facts-unreadable' }),
    );
  });
});
