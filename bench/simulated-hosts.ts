// Runs simulated hosts in a process of their own, so that the controller's memory is measured alone. Run as:
// node simulated-hosts.js <authorized key> ; prints their port and their host key.
import { readFileSync } from 'node:fs';
import { simulatedHosts } from './simulated-server.ts';

const { port, hostKey } = await simulatedHosts(readFileSync(process.argv[2] ?? ''));
process.stdout.write(`${port} ${hostKey}\n`);
