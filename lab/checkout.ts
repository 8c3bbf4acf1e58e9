import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The checkout's root: the nearest folder above this file with a package.json, be it run from lab/ or from dist/lab/. */
export const checkoutRoot = nearestPackage(import.meta.dirname);

export const imageFolder = join(checkoutRoot, 'lab', 'image');
export const metalImageFolder = join(checkoutRoot, 'lab', 'metal', 'image');

function nearestPackage(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`no package.json above ${import.meta.dirname}`);
  return nearestPackage(parent);
}

export interface LabFiles {
  readonly folder: string;
  readonly controllerKey: string;
  readonly knownHosts: string;
  readonly dockerInventory: string;
  readonly sshInventory: string;
  /** Of a lab with systemd: its inventory, and which variants it was made with. */
  readonly metalInventory: string;
  readonly metalVariants: string;
}

/** Where a lab keeps what the controller needs: `.lab/<prefix>/` in the checkout, not in git. */
export function labFiles(prefix: string): LabFiles {
  const folder = join(checkoutRoot, '.lab', prefix);
  return {
    folder,
    controllerKey: join(folder, 'id_ed25519'),
    knownHosts: join(folder, 'known_hosts'),
    dockerInventory: join(folder, 'docker.yml'),
    sshInventory: join(folder, 'ssh.yml'),
    metalInventory: join(folder, 'metal.yml'),
    metalVariants: join(folder, 'metal.json'),
  };
}
