import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { StartedTestContainer } from 'testcontainers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectHost } from '../../lib/transport/connect.ts';
import { startBusybox } from '../support/containers.ts';

const docker = promisify(execFile);
let container: StartedTestContainer;

beforeAll(async () => {
  container = await startBusybox();
});

afterAll(async () => {
  await container.stop({ timeout: 0 });
});

/** The error of a first command. */
async function refusal(name: string): Promise<unknown> {
  const host = connectHost('db1', { kind: 'docker', container: name });
  try {
    return await host.run(['true']).catch((error: unknown) => error);
  } finally {
    await host.close();
  }
}

describe('containers that cannot be reached', () => {
  it('tells a container that does not exist, and the nearest one that does', async () => {
    const name = container.getName().replace(/^\//, '');
    expect(await refusal(`${name}x`)).toMatchObject({
      kind: 'unreachable',
      code: 'docker-container-missing',
      host: 'db1',
      message: `there is no such container: ${name}x (did you mean "${name}"?)`,
    });
  });

  it('tells a container that is stopped, and how to start it', async () => {
    const { stdout } = await docker('docker', ['create', 'pitr-test-busybox:1', 'true']);
    const id = stdout.trim();
    try {
      expect(await refusal(id)).toMatchObject({
        kind: 'unreachable',
        code: 'docker-container-not-running',
        next: expect.arrayContaining([`docker start ${id}`]),
      });
    } finally {
      await docker('docker', ['rm', '-f', id]);
    }
  });

  it('tells a container that is paused', async () => {
    await docker('docker', ['pause', container.getId()]);
    try {
      expect(await refusal(container.getId())).toMatchObject({ code: 'docker-container-not-running' });
    } finally {
      await docker('docker', ['unpause', container.getId()]);
    }
  });

  it('tells an engine that does not answer', async () => {
    const before = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = 'unix:///no/such/docker.sock';
    try {
      expect(await refusal('any')).toMatchObject({ kind: 'unreachable', code: 'docker-not-answering' });
    } finally {
      if (before === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = before;
    }
  });

  it('tells that there is no docker client', async () => {
    const before = process.env.PATH;
    process.env.PATH = '/no/such/directory';
    try {
      expect(await refusal('any')).toMatchObject({ kind: 'unreachable', code: 'docker-client-missing' });
    } finally {
      process.env.PATH = before;
    }
  });

  it('tells a login user that the container does not have, with what the engine said of it', async () => {
    const host = connectHost('db1', { kind: 'docker', container: container.getId(), user: 'nosuchuser' });
    await expect(host.run(['true'])).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'shell-not-answering',
      evidence: { stderr: expect.stringContaining('nosuchuser') },
    });
    await host.close();
  });
});

describe('containers', () => {
  it('opens a new shell when the container was restarted', async () => {
    const own = await startBusybox();
    try {
      const host = connectHost('db1', { kind: 'docker', container: own.getId() });
      await host.connect();
      await docker('docker', ['restart', '-t', '0', own.getId()]);
      // Docker's client may have the old shell's end still to tell.
      await host.run(['true']).catch(() => undefined);
      expect((await host.run(['echo', 'again'])).stdout).toBe('again\n');
      await host.close();
    } finally {
      await own.stop({ timeout: 0 });
    }
  });

  it('logs in as the user that the settings name', async () => {
    const host = connectHost('db1', { kind: 'docker', container: container.getId(), user: 'nobody' });
    expect((await host.run(['id', '-un'])).stdout).toBe('nobody\n');
    expect((await host.run(['id', '-un'], { user: 'nobody' })).stdout).toBe('nobody\n');
    await host.close();
  });
});
