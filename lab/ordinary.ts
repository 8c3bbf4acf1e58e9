import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Flavour } from './flavour.ts';
import { ensureImage } from './image.ts';
import { renderDockerInventory, renderSshInventory } from './inventory.ts';
import { ordinaryShape } from './shape.ts';
import { establishTrust } from './trust.ts';

const password = randomBytes(18).toString('base64url');

/** The lab whose containers make themselves hosts, each service under supervisord. */
export const ordinaryFlavour: Flavour = {
  shape: ordinaryShape,
  ensureImage,
  published: ordinaryShape.hosts,
  containerOf: (host) => ({ environment: [`LAB_HOST=${host}`, `LAB_DB_PASSWORD=${password}`] }),
  establish: (lab, ports) => establishTrust(lab, ports),
  startServices: async (lab) => {
    await Promise.all(lab.shape.hosts.map((host) => lab.exec(host, ['supervisorctl', 'start', 'all'])));
  },
  writeFiles: async ({ prefix, files }, ports) => {
    await mkdir(files.folder, { recursive: true });
    await Promise.all([files.metalVariants, files.metalInventory].map((file) => rm(file, { force: true })));
    await writeFile(files.dockerInventory, renderDockerInventory(prefix));
    const access = {
      ports,
      privateKeyFile: basename(files.controllerKey),
      knownHostsFile: basename(files.knownHosts),
    };
    await writeFile(files.sshInventory, renderSshInventory(access));
    return { docker: files.dockerInventory, ssh: files.sshInventory };
  },
};
