import type { SourcePosition } from '../../base/errors/pitr-error.ts';

/** What is known besides the playbook before any host is contacted. */
export interface Known {
  /** Names of the variables of each host of the inventory. */
  readonly hostVars: ReadonlyMap<string, ReadonlySet<string>>;
  /** `-e`. */
  readonly extraVars: Readonly<Record<string, unknown>>;
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly hosts: readonly string[];
  /** `--tags` and `--skip-tags` of the command line. */
  readonly tags?: readonly string[] | undefined;
  readonly skipTags?: readonly string[] | undefined;
  /** The hosts of a pattern; throws kind `validation`. Without it plain lists of names are understood. */
  readonly matchHosts?: ((pattern: string, at: SourcePosition) => readonly string[]) | undefined;
}
