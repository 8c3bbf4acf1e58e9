import { resolve } from 'node:path';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { secretWarnings } from '../../lib/engine/run/secret-warnings.ts';
import { type OpenSite, onSite, type SiteRequest } from '../../lib/engine/run/site.ts';
import { matchHosts } from '../../lib/language/inventory/patterns.ts';
import { told } from '../../lib/recovery/doctor/answer.ts';
import type { Need } from '../../lib/recovery/doctor/facts.ts';
import { type Check, examine, type Finding } from '../../lib/recovery/doctor/finding.ts';
import { lookAround } from '../../lib/recovery/doctor/look.ts';
import {
  BARMAN_VARIABLES,
  type BarmanPlace,
  barmanPlace,
  NODE_VARIABLES,
  nodePlace,
  type VariableFlaw,
} from '../../lib/recovery/doctor/place.ts';
import { quote } from '../../lib/transport/quote.ts';
import { barmanHost, patroniHosts } from '../well-known-hosts.ts';
import { drillsOn } from './drills.ts';

interface Wish {
  /** Hosts whose findings are told; all without it. */
  readonly pattern: string | undefined;
  readonly cwd: string;
  /** Which hosts and with which variables, as it is typed again. */
  readonly site: readonly string[];
}

/** Looks at all that the checks need, and lets them judge. Throws kind `validation` for an inventory that is wrong. */
export async function examineSite(
  request: SiteRequest,
  checks: readonly Check[],
  { pattern, cwd, site: siteWords }: Wish,
): Promise<{ readonly findings: readonly Finding[]; readonly hosts: number }> {
  const inventories = request.inventories.map((path) => resolve(cwd, path));
  const needs = new Set<Need>(checks.flatMap((check) => check.needs));
  return onSite(request, async (site) => {
    const names = matchHosts(site.inventory, patroniHosts(site.inventory));
    const read = names.map((name) => ({ name, ...nodePlace(name, site.variables(name, NODE_VARIABLES)) }));
    const barman = barmanIn(site, request.extraVars);
    const hosts = [...new Set([...names, ...(barman.name === undefined ? [] : [barman.name])])];
    const shown = pattern === undefined ? undefined : hostsToTell(site, pattern, hosts);
    const facts = await lookAround(
      {
        nodes: read,
        barman: barman.place,
        variableFlaws: [
          ...read.flatMap(({ flaws }) => flaws),
          ...names.flatMap((name) => barmanHostFlaws(site, name)),
          ...barman.flaws,
        ],
        controller: {
          secrets: needs.has('controller') ? await secretWarnings(request.masker, site.keyFiles(names)) : [],
          drills: await told(() =>
            needs.has('controller') ? drillsOn(names, inventories) : Promise.resolve([]),
          ),
        },
        inventoryOptions: siteWords.map((word) => ` ${quote(word)}`).join(''),
        host: site.host,
      },
      needs,
    );
    const findings = checks.flatMap((check) => examine(check, facts));
    return {
      // What is found on no host in particular may be about any of them.
      findings:
        shown === undefined
          ? findings
          : findings.filter(
              ({ host, severity }) => severity === 'ok' || host === undefined || shown.includes(host),
            ),
      hosts: hosts.length,
    };
  });
}

/** The hosts of the pattern. Throws kind `validation` where none of them is examined: nothing would be found there. */
function hostsToTell(site: OpenSite, pattern: string, examined: readonly string[]): readonly string[] {
  const hosts = matchHosts(site.inventory, pattern);
  if (hosts.some((host) => examined.includes(host))) return hosts;
  throw new PitrError({
    kind: 'validation',
    // The option --host names only hosts that no check looks at.
    code: 'host-not-examined',
    message: `--host ${pattern} names no host that is examined`,
    details: [`Examined are: ${examined.join(', ')}.`],
    next: ['Name one of them, or leave --host away.'],
  });
}

/** Playbooks delegate to what `barman_host` says, whatever else tells where Barman is. */
function barmanHostFlaws(site: OpenSite, name: string): readonly VariableFlaw[] {
  const { barman_host: host } = site.variables(name, ['barman_host']);
  if (typeof host !== 'string' || site.inventory.hosts.has(host)) return [];
  return [{ host: name, variable: 'barman_host', why: `is wrong: the inventory has no host ${host}` }];
}

function barmanIn(
  site: OpenSite,
  extraVars: SiteRequest['extraVars'],
): {
  readonly name?: string;
  readonly place?: BarmanPlace;
  readonly flaws: readonly VariableFlaw[];
} {
  let name: string | undefined;
  try {
    name = barmanHost(site.inventory, extraVars);
    return { name, place: barmanPlace(name, site.variables(name, BARMAN_VARIABLES)), flaws: [] };
  } catch (thrown) {
    // Nobody says where Barman is: a check tells it.
    if (thrown instanceof PitrError && thrown.code === 'barman-host-unknown') return { flaws: [] };
    if (thrown instanceof PitrError || name === undefined) throw thrown;
    const why = `cannot be read: ${String(thrown)}`;
    return { name, flaws: [{ host: name, variable: BARMAN_VARIABLES.join(', '), why }] };
  }
}
