import type { PitrEvent } from '../../lib/engine/events/events.ts';

/**
 * What is advised at the end of a run is written for `pitr play`; whoever typed `pitr recover` types the words of
 * `pitr recover`. Whole commands stay as they are.
 */
export function inScriptWords(event: PitrEvent): PitrEvent {
  if (event.type !== 'run.finished' || event.error?.next === undefined) return event;
  return { ...event, error: { ...event.error, next: event.error.next.map(spoken) } };
}

function spoken(advice: string): string {
  if (/\bpitr /.test(advice)) return advice;
  return advice
    .replace(/\btarget_time=/g, '')
    .replace(/\btarget_(lsn|xid|name)=/g, '$1:')
    .replace(/\bbackup=/g, '')
    .replace(/(?<!-e )\btimeline=/g, '-e timeline=')
    .replace(/(-e )?\baccept_gap=true/g, '--accept-gap')
    .replace(/-e target=/g, '--target ')
    .replace(/-e prepare_for=/g, '--for ')
    .replace(/-e prepare_on=/g, '--prepare-on ')
    .replace(/-e allow_leader=true/g, '--allow-leader');
}
