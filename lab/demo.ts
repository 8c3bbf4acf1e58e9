import { told } from './error.ts';

// The rest of the lab is made of what its release brings: a release that there is not is found while that is loaded.
try {
  const { demo } = await import('./demonstration.ts');
  process.exitCode = await demo();
} catch (thrown) {
  process.stderr.write(`demo: ${told(thrown)}\n`);
  process.exitCode = 1;
}
