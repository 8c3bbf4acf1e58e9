import {
  appendFileSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { join, relative } from 'node:path';

/** Larger files are data of servers and packages, which tell nobody why a test failed. */
const LARGEST_FILE = 20 * 1024 * 1024;
const LARGEST_WHOLE = 500 * 1024 * 1024;
/** Names what is missing, in the folder of what is kept. */
const NOT_KEPT = 'not-kept.txt';

/**
 * Copies what tests have in their temporary folder (state folders with journals, logs) to where the evidence of a failure
 * lies; once more, what is newer goes over what was kept before. Nothing that cannot be read, is too large, or is gone in
 * the meantime keeps the rest from being kept: it is named there. Makes nothing where there is nothing to keep.
 */
export function keepLeft(temporary, evidence) {
  const entries = readdirSync(temporary).filter((entry) => entry.startsWith('pitr-'));
  if (entries.length === 0) return;
  let room = LARGEST_WHOLE;
  const notKept = [];

  function keep(path) {
    const to = join(evidence, relative(temporary, path));
    try {
      const seen = lstatSync(path);
      if (seen.isDirectory()) {
        // Installed packages are the same for everybody.
        if (path.endsWith('/node_modules')) return;
        mkdirSync(to, { recursive: true });
        for (const entry of readdirSync(path)) keep(join(path, entry));
      } else if (seen.isSymbolicLink()) {
        symlinkSync(readlinkSync(path), to);
      } else if (seen.isFile()) {
        if (seen.size > LARGEST_FILE || seen.size > room) {
          notKept.push(`${relative(temporary, path)}: ${seen.size} bytes`);
          return;
        }
        room -= seen.size;
        copyFileSync(path, to);
      }
    } catch (error) {
      if (error.code !== 'EEXIST') notKept.push(`${relative(temporary, path)}: ${error.message}`);
    }
  }

  mkdirSync(evidence, { recursive: true });
  for (const entry of entries) keep(join(temporary, entry));
  if (notKept.length > 0) appendFileSync(join(evidence, NOT_KEPT), `${notKept.join('\n')}\n`);
}
