import { onHost } from '../commands-to-type.ts';
import type { Facts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import { ofBarman } from '../of-barman.ts';
import type { SecretFiles } from '../secret-files.ts';

const OTHERS = 0o007;

/** `reader`: who works with these files, and must be able to read them afterwards too. */
function open(
  facts: Facts,
  host: string,
  reader: string | undefined,
  { secrets, secretsUnseen }: SecretFiles,
): readonly Flaw[] {
  return [
    ...secrets
      .filter(({ mode }) => (mode & OTHERS) !== 0)
      .map(({ path, mode, owner }) => ({
        severity: 'warning' as const,
        host,
        text: `${path} of ${owner} holds passwords, and everybody on the host may read it (mode ${mode.toString(8).padStart(4, '0')})`,
        mend: [
          ...(reader === undefined || owner === reader
            ? []
            : [onHost(facts, host, undefined, 'chown', `${reader}:`, path)]),
          onHost(facts, host, undefined, 'chmod', 'o=', path),
        ],
      })),
    ...secretsUnseen.map((path) => ({
      severity: 'unknown' as const,
      host,
      text: `cannot tell who may read ${path}: it is not there, or cannot be looked at`,
      mend: [onHost(facts, host, undefined, 'ls', '-ld', path)],
    })),
  ];
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
      ...facts.nodes.flatMap(({ name, host, place }) =>
        flawsOf(host, name, (look) => open(facts, name, place?.user, look)),
      ),
      ...ofBarman(facts, ({ look, place }) =>
        flawsOf(look, place.name, (seen) => open(facts, place.name, place.user, seen)),
      ),
    ],
  },
];
