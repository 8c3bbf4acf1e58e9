/** Who gets into a closed instance. Plain data: it stands in journals, in older ones without Patroni. */
export interface Allowed {
  readonly roles: readonly string[];
  readonly superuser?: string | undefined;
  readonly patroniConfig?: string | undefined;
}

/** What the params of a module say of that, without what they leave open. */
export function allowedOf(params: {
  readonly roles: readonly string[];
  readonly superuser?: string | undefined;
  readonly patroni_config?: string | undefined;
}): Allowed {
  return {
    roles: params.roles,
    ...(params.superuser === undefined ? {} : { superuser: params.superuser }),
    ...(params.patroni_config === undefined ? {} : { patroniConfig: params.patroni_config }),
  };
}
