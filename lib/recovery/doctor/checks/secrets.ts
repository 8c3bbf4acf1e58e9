import { onHost } from '../commands-to-type.ts';
import type { Facts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import type { SecretFile } from '../node-script.ts';
import { ofBarman } from '../of-barman.ts';

const OTHERS = 0o007;

function open(facts: Facts, host: string, files: readonly SecretFile[]): readonly Flaw[] {
  return files
    .filter(({ mode }) => (mode & OTHERS) !== 0)
    .map(({ path, mode, owner }) => ({
      severity: 'warning',
      host,
      text: `${path} of ${owner} holds passwords, and everybody on the host may read it (mode ${mode.toString(8).padStart(4, '0')})`,
      mend: [onHost(facts, host, undefined, 'chmod', 'o=', path)],
    }));
}

export const SECRET_CHECKS: readonly Check[] = [
  {
    id: 'secrets.here',
    title: 'Nobody else can read the secrets of the inventory',
    meaning: 'Who reads them can become root on the hosts of the cluster.',
    needs: ['controller'],
    judge: ({ controller }) =>
      controller.secrets.map((text) => {
        const [found = text, mend] = text.split(' Close it: ');
        return {
          severity: 'warning',
          text: found.replace(/\.$/, ''),
          mend: mend === undefined ? [] : [mend],
        };
      }),
  },
  {
    id: 'secrets.hosts',
    title: "Nobody else can read Patroni's and Barman's passwords",
    meaning: 'Who reads them can log in to PostgreSQL as a superuser.',
    needs: ['host', 'barman'],
    judge: (facts) => [
      ...facts.nodes.flatMap(({ name, host }) =>
        flawsOf(host, name, ({ secrets }) => open(facts, name, secrets)),
      ),
      ...ofBarman(facts, ({ look, place }) =>
        flawsOf(look, place.name, ({ secrets }) => open(facts, place.name, secrets)),
      ),
    ],
  },
];
