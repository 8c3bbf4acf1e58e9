import { pitrCommand } from './commands-to-type.ts';
import type { BarmanFacts, Facts } from './facts.ts';
import type { Flaw } from './finding.ts';

/** What a check says of Barman's host; `unknown` where the inventory does not say which host that is. */
export function ofBarman(facts: Facts, judge: (barman: BarmanFacts) => readonly Flaw[]): readonly Flaw[] {
  if (facts.barman !== undefined) return judge(facts.barman);
  return [
    {
      severity: 'unknown',
      text: 'cannot tell: it is not known where Barman is',
      mend: [pitrCommand(facts, 'doctor', '--only', 'inventory')],
    },
  ];
}
