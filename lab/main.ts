import { told } from './error.ts';

// The rest of the lab is made of what its release brings: a release that there is not is found while that is loaded.
try {
  const { labCommand } = await import('./command.ts');
  process.exitCode = await labCommand(process.argv.slice(2));
} catch (thrown) {
  process.stderr.write(`lab: ${told(thrown)}\n`);
  process.exitCode = 2;
}
