import type { Lab } from '../lab.ts';
import type { DatabaseHost } from '../topology.ts';
import type { HostFile } from './host-setup.ts';

const AUTHORITY = '/root/authority';

const MAKE_AUTHORITY = `
mkdir -p ${AUTHORITY} && cd ${AUTHORITY}
[ -e ca.crt ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj '/CN=The CA of this lab' -keyout ca.key -out ca.crt 2>&1
cat ca.crt`;

// $1: its name, $2: its address.
const MAKE_CERTIFICATE = `
cd ${AUTHORITY}
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
printf 'subjectAltName=DNS:%s,IP:%s\\n' "$1" "$2" >"$1.ext"
openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
cat "$1.key" "$1.crt"`;

/** What Patroni's REST API over TLS needs on a node: its certificate, its key, and the lab's own authority (on etcd's host). */
export async function restCertificate(
  lab: Lab,
  host: DatabaseHost,
  address: string,
): Promise<readonly HostFile[]> {
  const authority = await lab.mustExec('etcd', ['sh', '-ec', MAKE_AUTHORITY]);
  const pair = await lab.mustExec('etcd', ['sh', '-ec', MAKE_CERTIFICATE, 'sh', host, address]);
  const begin = pair.indexOf('-----BEGIN CERTIFICATE');
  const file = (name: string, content: string, mode: string): HostFile => ({
    path: `/etc/patroni/${name}`,
    content,
    mode,
    owner: 'root:postgres',
  });
  return [
    file('ca.crt', authority.slice(authority.indexOf('-----BEGIN CERTIFICATE')), '0644'),
    file('rest.key', pair.slice(0, begin), '0640'),
    file('rest.crt', pair.slice(begin), '0644'),
  ];
}
