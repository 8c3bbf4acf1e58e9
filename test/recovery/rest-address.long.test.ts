import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { databaseHosts } from '../../lab/topology.ts';
import { accidentOn, chosenInventory, healthy, inodeOfData, type Scene, sharedLab } from '../support/lab.ts';
import { configurePatroni, restorePatroni } from '../support/patroni-config.ts';
import { pitr, runError, tasksThat } from '../support/pitr.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await sharedLab();
});

afterAll(async () => {
  for (const host of databaseHosts) {
    await restorePatroni(lab, host);
    await lab.exec(host, ['sh', '-c', 'rm -f /etc/patroni/rest.*']);
  }
});

async function play(playbook: string, vars: Readonly<Record<string, string>>) {
  const extra = Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const inventory = ['-i', chosenInventory(lab)];
  const run = await pitr(['play', playbook, ...inventory, '--output', 'json', '--yes', ...extra]);
  return { ...run, error: runError(run.events) };
}

function towards({ target, accident }: Scene): Readonly<Record<string, string>> {
  return { target, backup: accident.backup.id, target_time: accident.before };
}

async function addressOf({ target }: Scene): Promise<string> {
  return (await lab.mustExec(target, ['hostname', '-I'])).trim().split(' ')[0] ?? '';
}

async function recoversTheCluster(scene: Scene): Promise<void> {
  const recovered = await play('recover.yml', { ...towards(scene), auto_start: 'true' });
  expect(recovered.error).toBeUndefined();
  const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
  expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
}

describe("where Patroni's REST API listens on the node's address alone", () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await accidentOn(lab);
    const listen = `listen: ${await addressOf(scene)}:8001`;
    await configurePatroni(lab, scene.target, (text) => text.replace('listen: 0.0.0.0:8001', listen));
    const local = ['curl', '-s', 'http://127.0.0.1:8001/liveness'];
    expect((await lab.exec(scene.target, local)).exitCode).toBe(7);
  });

  it('a node whose Patroni is looked for in the wrong place is refused before anything is touched', async () => {
    const wrong = { ...towards(scene), patroni_url: 'http://127.0.0.1:9' };
    const { error, events } = await play('recover.yml', wrong);
    expect(error).toMatchObject({ kind: 'refused', code: 'patroni-not-reached' });
    expect(tasksThat('changed', events)).toEqual([]);
  });

  it('rollback.yml takes a recovery back and the node streams again', async () => {
    const before = await inodeOfData(lab, scene.target);
    expect((await play('recover.yml', towards(scene))).error).toBeUndefined();
    expect(await inodeOfData(lab, scene.target)).not.toBe(before);
    expect((await play('rollback.yml', { target: scene.target })).error).toBeUndefined();
    expect(await inodeOfData(lab, scene.target)).toBe(before);
    await healthy(lab);
  });

  it('the whole cluster follows it', () => recoversTheCluster(scene));
});

describe("where Patroni's REST API speaks TLS", () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await accidentOn(lab);
    const { target } = scene;
    const certificate = '/etc/patroni/rest.crt';
    const made = `openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=${target} -addext subjectAltName=DNS:${target} \
      -keyout /etc/patroni/rest.key -out ${certificate} && chown postgres: /etc/patroni/rest.*`;
    await lab.mustExec(target, ['sh', '-c', made]);
    const pem = await lab.mustExec(target, ['cat', certificate]);
    const trusted = `restapi:\n  cafile: ${certificate}`;
    for (const host of databaseHosts.filter((each) => each !== target)) {
      await lab.mustExec(host, ['sh', '-c', `printf '%s' "$1" > ${certificate}`, 'sh', pem]);
      await configurePatroni(lab, host, (text) => text.replace('restapi:', trusted));
    }
    const secure = `${trusted}\n  certfile: ${certificate}\n  keyfile: /etc/patroni/rest.key`;
    await configurePatroni(lab, target, (text) => text.replace('restapi:', secure));
  });

  it('the whole cluster follows it', () => recoversTheCluster(scene));
});
