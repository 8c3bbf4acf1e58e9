import { describe, expect, it } from 'vitest';
import { parseIndexTargets, parseSettings, sourcesList } from '../../lab/apt-sources.ts';

describe('the package sources of an image build', () => {
  it("are this machine's Debian mirrors, and not other vendors' archives", () => {
    const mirrors = parseIndexTargets(
      [
        'Packages|Vendor|Vendor|http://vendor.example/apt/|main',
        'Packages|Debian|Debian|http://mirror.example/debian/|main',
        'Translations|Debian|Debian|http://mirror.example/debian/|main',
        'Packages|Debian|Debian-Security|http://mirror.example/debian-security/|main',
      ].join('\n'),
    );
    expect(sourcesList(mirrors, 'bookworm')).toBe(
      [
        'deb http://mirror.example/debian/ bookworm main',
        'deb http://mirror.example/debian/ bookworm-updates main',
        'deb http://mirror.example/debian-security/ bookworm-security main\n',
      ].join('\n'),
    );
  });

  it('are left to the base image where this machine is no Debian or reads a local disc', () => {
    expect(sourcesList(parseIndexTargets(''), 'bookworm')).toBe('');
    expect(sourcesList(parseIndexTargets('Packages|Debian|Debian|cdrom://disc/|main'), 'bookworm')).toBe('');
  });

  it('come with the proxy and the checks that this machine sets, and nothing else', () => {
    const dump = [
      'APT "";',
      'Acquire::http::Proxy "http://proxy.example:3128";',
      'Acquire::Check-Valid-Until "false";',
      'Acquire::Languages "none";',
    ].join('\n');
    expect(parseSettings(dump)).toBe(
      'Acquire::http::Proxy "http://proxy.example:3128";\nAcquire::Check-Valid-Until "false";\n',
    );
    expect(parseSettings('')).toBe('');
  });
});
