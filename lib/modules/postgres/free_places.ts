import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { defineLook } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { reportIn } from '../../contract/script-report.ts';
import { instanceParams } from '../../recovery/postgres/params.ts';
import { absolutePath } from '../../system/fs/paths.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  tablespaces: z
    .array(z.looseObject({ place: absolutePath }))
    .describe('those of the data that is to be copied, as `postgres.size` tells them'),
  user: instanceParams.user,
});

// As pg_basebackup, which makes what is missing, with all above it, and takes no directory that holds anything: not even the
// lost+found of a volume of its own.
const LOOK = probeScript(`${PRESENCE}
open() { [ -r "$1" ] && [ -w "$1" ] && [ -x "$1" ]; }
why_not() {
  told=$(presence "$1" 2>&1)
  case $? in
  0)
    [ -d "$1" ] || { echo 'is no directory'; return; }
    open "$1" || { echo "is a directory that $2 may not write in"; return; }
    held=$(LC_ALL=C ls -A -- "$1") || exit 3
    [ -z "$held" ] || echo "holds $(printf '%s\\n' "$held" | head -n 1)"
    return ;;
  2)
    # With a number: as uutils says it.
    case $told in *': Permission denied' | *': Permission denied (os error 13)') echo "is where $2 may not look"; return ;; esac
    echo "$told" >&2
    exit 3 ;;
  esac
  above=$1
  until presence "$above" 2>/dev/null; do above=\${above%/*}; above=\${above:-/}; done
  [ -d "$above" ] && [ -w "$above" ] && [ -x "$above" ] || echo "is not there, and $2 cannot make it in $above"
}
user=$1; shift
for place do
  why=$(why_not "$place" "$user") || exit
  [ -z "$why" ] || printf '@taken %s\\n %s\\n' "$place" "$why"
done
echo @end`);

export const module = defineLook({
  summary: 'Tells in which places a copy of other data could not make its tablespaces.',
  description:
    'A copy makes them at the same places as they have in the data that is copied. Each must be an empty directory there, or one ' +
    'that the OS user of PostgreSQL can make. Looks as that user.',
  examples: `- postgres.size: {}
  delegate_to: "{{ target }}"
  register: size
- postgres.free_places:
    tablespaces: "{{ size.tablespaces }}"
  register: places
- core.assert: size(places.taken) == 0`,
  params,
  returns: { taken: 'places that it could not', why: 'the same, each with why, in words' },
  read: async (host, { tablespaces, user }) => {
    const places = tablespaces.map(({ place }) => place);
    const answer = await host.query(LOOK([user, ...places], { user }));
    const parts = reportIn(answer);
    if (parts === undefined) {
      throw new PitrError({
        kind: 'refused',
        code: 'places-unknown',
        message: `cannot tell whether tablespaces can be made in ${places.join(', ')}`,
        host: host.name,
        evidence: evidenceOf(answer),
        next: ['Check pg_user in the inventory: the OS user that owns the data.'],
      });
    }
    return {
      taken: parts.map(({ rest }) => rest),
      why: parts.map(({ rest, lines }) => `${rest} ${lines.join(' ')}`),
    };
  },
});
