import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { StartedTestContainer } from 'testcontainers';
import { needProgram } from './packages.ts';

const execute = promisify(execFile);

/** Tools with which a host can be managed at all; everything else of busybox comes by its own name. */
const IMAGE = 'pitr-test-busybox:1';

/**
 * A container with busybox and nothing else, started by testcontainers: another shell and other tools than Debian's,
 * from an image of four files that needs no registry.
 */
export async function startBusybox(): Promise<StartedTestContainer> {
  // The reaper would have to be pulled, and the tests stop what they start.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  await needBusyboxImage();
  const { GenericContainer } = await import('testcontainers');
  return new GenericContainer(IMAGE).withCommand(['sleep', '100000']).start();
}

async function needBusyboxImage(): Promise<void> {
  const present = await execute('docker', ['image', 'inspect', IMAGE]).then(
    () => true,
    () => false,
  );
  if (present) return;
  const busybox = await needProgram('/bin/busybox', 'busybox-static');
  const root = await mkdtemp(join(tmpdir(), 'pitr-busybox-'));
  try {
    for (const directory of ['bin', 'etc', 'tmp', 'root', 'proc', 'home/nobody']) {
      await mkdir(join(root, directory), { recursive: true });
    }
    await copyFile(busybox, join(root, 'bin/busybox'));
    const { stdout } = await execute(busybox, ['--list']);
    const applets = stdout.split('\n').filter((applet) => applet !== '' && applet !== 'busybox');
    for (const applet of applets) await symlink('busybox', join(root, 'bin', applet));
    await writeFile(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home/nobody:/bin/sh\n',
    );
    await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
    await importImage(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function importImage(root: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const tar = spawn('tar', ['-C', root, '--owner=0', '--group=0', '-c', '.'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const mode = ['--change', 'ENV PATH=/bin', '-', IMAGE];
    const load = spawn('docker', ['import', ...mode], { stdio: ['pipe', 'ignore', 'inherit'] });
    tar.stdout.pipe(load.stdin);
    for (const child of [tar, load]) child.once('error', reject);
    load.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`docker import ended with ${code}`));
    });
  });
}
