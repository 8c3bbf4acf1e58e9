import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Lab } from '../../lab/lab.ts';
import { hiddenHost } from '../../lab/metal/host-setup.ts';
import { startLink } from '../support/slow-link.ts';
import { metalLab } from './metal-lab.ts';
import { expectRecovered, recover, run, sceneOn } from './steps.ts';

/** What a ping over the link would take. */
const ROUND_TRIP_MS = 200;

/** Two whole recoveries, of which one waits for that link. */
const JOURNEY_MS = 2_400_000;

let lab: Lab;

beforeAll(async () => {
  lab = await metalLab([]);
});

describe(`hosts with systemd behind a jump host, over a link of ${ROUND_TRIP_MS} ms`, () => {
  it(
    'are looked at and taken over as without that link; the seconds of both are printed',
    async () => {
      const jump = await jumpPort(lab);
      await using link = await startLink(jump, { latencyMs: ROUND_TRIP_MS / 2 });
      const far = await behindJump(lab, link.port);

      const scene = await sceneOn(lab);
      const check = {
        near: await timed(recover(lab, scene, 'auto_start=true'), '--check'),
        far: await timed(recover(far, scene, 'auto_start=true'), '--check'),
      };
      const near = await timed(recover(lab, scene, 'auto_start=true'));
      await expectRecovered(lab, scene, near.events);

      const again = await sceneOn(lab);
      const over = await timed(recover(far, again, 'auto_start=true'));
      await expectRecovered(lab, again, over.events);

      const ratio = check.far.seconds / check.near.seconds;
      process.stdout.write(
        `\nlink of ${ROUND_TRIP_MS} ms: --check ${shown(check.near)} without it, ${shown(check.far)} over it ` +
          `(${ratio.toFixed(1)} times); take-over ${shown(near)} without it, ${shown(over)} over it\n`,
      );
    },
    JOURNEY_MS,
  );
});

async function timed(words: readonly string[], ...more: readonly string[]) {
  const from = performance.now();
  const { events } = await run(words, ...more);
  return { events, seconds: (performance.now() - from) / 1000 };
}

function shown({ seconds }: { readonly seconds: number }): string {
  return `${seconds.toFixed(1)} s`;
}

/** How an inventory reaches a host. */
interface Reach {
  readonly ansible_host?: string;
  readonly ansible_port?: number;
  readonly pitr_jump?: string;
}

interface Inventory {
  readonly all: {
    readonly vars: Readonly<Record<string, unknown>>;
    readonly children: Readonly<Record<string, { readonly hosts: Readonly<Record<string, Reach>> }>>;
  };
}

async function ownInventory({ files }: Lab): Promise<Inventory> {
  return parse(await readFile(files.metalInventory, 'utf8'));
}

/** Where the jump host is logged in to: the lab's own inventory says so of the one host behind it. */
async function jumpPort(lab: Lab): Promise<number> {
  const { all } = await ownInventory(lab);
  const jump = all.children.patroni?.hosts[hiddenHost]?.pitr_jump ?? '';
  expect(jump).toMatch(/^deploy@127\.0\.0\.1:\d+$/);
  return Number(jump.split(':')[1]);
}

/** The lab by an inventory that reaches every host through the jump host, and that one at another port. */
async function behindJump(lab: Lab, port: number): Promise<Lab> {
  const own = await ownInventory(lab);
  const reached = ([host, { ansible_port: _, ...more }]: readonly [string, Reach]) => [
    host,
    { ...more, ansible_host: host, pitr_jump: `deploy@127.0.0.1:${port}` },
  ];
  const children = Object.entries(own.all.children).map(([name, group]) => [
    name,
    { ...group, hosts: Object.fromEntries(Object.entries(group.hosts).map(reached)) },
  ]);
  // As the jump host calls them; itself, at its other port.
  const jump = await jumpPort(lab);
  let known = (await readFile(lab.files.knownHosts, 'utf8')).replaceAll(
    `[127.0.0.1]:${jump} `,
    `[127.0.0.1]:${port} `,
  );
  for (const { hosts } of Object.values(own.all.children))
    for (const [host, { ansible_port: at }] of Object.entries(hosts))
      if (at !== undefined) known = known.replaceAll(`[127.0.0.1]:${at} `, `${host} `);
  const knownHosts = join(lab.files.folder, 'known_hosts-far');
  await writeFile(knownHosts, known);
  const inventory = join(lab.files.folder, 'metal-far.yml');
  const vars = { ...own.all.vars, pitr_known_hosts: 'known_hosts-far' };
  // JSON is YAML, too. It holds a password.
  const text = JSON.stringify({ all: { vars, children: Object.fromEntries(children) } }, undefined, 2);
  await writeFile(inventory, `${text}\n`, { mode: 0o600 });
  return { ...lab, files: { ...lab.files, metalInventory: inventory } };
}
