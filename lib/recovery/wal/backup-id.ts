declare const brand: unique symbol;

/** Barman's name of a backup: `20261122T093433`. */
export type BackupId = string & { readonly [brand]: 'BackupId' };

/** Reads a backup id; nothing when the text cannot be one. */
export function parseBackupId(text: string): BackupId | undefined {
  return /^\d{8}T\d{6}$/.test(text) ? (text as BackupId) : undefined;
}
