import { stringify } from 'yaml';

/**
 * Plain data as YAML text for any reader: what a YAML 1.1 reader (Patroni, PyYAML) would take for a boolean, a
 * number or a date is quoted. Ends with a newline.
 */
export function dumpYaml(value: unknown): string {
  return stringify(value, { version: '1.1', lineWidth: 0 });
}
