import { z } from 'zod';

/** One line of `barman check`. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What Barman adds: `please make sure WAL shipping is setup`. */
  readonly hint: string;
}

const report = z.record(
  z.string(),
  z.record(z.string(), z.object({ status: z.string(), hint: z.string().optional() })),
);

/** Reads `barman -f json check`: the checks of each server. Nothing when the text is not that. */
export function parseCheckReport(text: string): ReadonlyMap<string, readonly Check[]> | undefined {
  const parsed = report.safeParse(parsedJson(text));
  if (!parsed.success) return undefined;
  return new Map(
    Object.entries(parsed.data).map(([server, checks]) => [
      server,
      Object.entries(checks).map(([name, check]) => ({
        name,
        ok: check.status === 'OK',
        hint: check.hint ?? '',
      })),
    ]),
  );
}

const serverList = z.record(z.string(), z.object({ description: z.string().nullish() }));

/** Reads `barman -f json list-server`: the names of the servers. Nothing when the text is not that. */
export function parseServerList(text: string): readonly string[] | undefined {
  const parsed = serverList.safeParse(parsedJson(text));
  return parsed.success ? Object.keys(parsed.data) : undefined;
}

const serverState = z.record(z.string(), z.object({ is_in_recovery: z.boolean().nullish() }));

/** Reads `barman -f json show-server`: whether the server is a standby. Nothing when Barman does not know. */
export function inRecovery(text: string, server: string): boolean | undefined {
  return serverState.safeParse(parsedJson(text)).data?.[server]?.is_in_recovery ?? undefined;
}

/**
 * JSON from a command; nothing when it is none. Barman puts no other lines around its JSON; what it has to say goes into
 * keys of their own (`_WARNING`, `_ERROR`, ...), which are left out here.
 */
function parsedJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).filter(([key, inner]) => !(/^_[A-Z]+$/.test(key) && Array.isArray(inner))),
    );
  } catch {
    // Not JSON: the caller says what was expected and shows the text.
    return undefined;
  }
}
