type Schema = Readonly<Record<string, unknown>>;

/** Whether a value fits a JSON Schema: the part of draft-07 that pitr's schemas are written in. */
export function fits(value: unknown, schema: unknown, root: Schema): boolean {
  if (!isRecord(schema)) return schema !== false;
  if (typeof schema.$ref === 'string') return fits(value, resolve(schema.$ref, root), root);
  const all = (key: string) => (Array.isArray(schema[key]) ? schema[key] : []);
  const types = Array.isArray(schema.type) ? schema.type : schema.type === undefined ? [] : [schema.type];
  if (types.length > 0 && !types.some((type) => isType(value, type))) return false;
  if (Array.isArray(schema.enum) && !schema.enum.includes(value)) return false;
  if ('const' in schema && schema.const !== value) return false;
  if ('not' in schema && fits(value, schema.not, root)) return false;
  if (!all('allOf').every((one) => fits(value, one, root))) return false;
  if ('anyOf' in schema && !all('anyOf').some((one) => fits(value, one, root))) return false;
  if ('oneOf' in schema && all('oneOf').filter((one) => fits(value, one, root)).length !== 1) return false;
  if (typeof value === 'string') return fitsText(value, schema);
  if (typeof value === 'number')
    return value >= number(schema.minimum, -Infinity) && value <= number(schema.maximum, Infinity);
  if (Array.isArray(value)) {
    return (
      value.length >= number(schema.minItems, 0) &&
      value.every((item) => fits(item, schema.items ?? {}, root))
    );
  }
  return !isRecord(value) || fitsMapping(value, schema, root);
}

function fitsMapping(value: Schema, schema: Schema, root: Schema): boolean {
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  if (!required.every((name) => Object.hasOwn(value, String(name)))) return false;
  return Object.entries(value).every(([name, inner]) =>
    fits(
      inner,
      Object.hasOwn(properties, name) ? properties[name] : (schema.additionalProperties ?? {}),
      root,
    ),
  );
}

function fitsText(value: string, schema: Schema): boolean {
  if (value.length < number(schema.minLength, 0)) return false;
  return typeof schema.pattern !== 'string' || new RegExp(schema.pattern).test(value);
}

function isType(value: unknown, type: unknown): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isRecord(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function resolve(ref: string, root: Schema): unknown {
  const found = ref
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((here, key) => (isRecord(here) ? here[key] : undefined), root);
  if (found === undefined) throw new Error(`the schema refers to ${ref}, which it does not have`);
  return found;
}

function number(value: unknown, fallback: number): number {
  return typeof value === 'number' ? value : fallback;
}

function isRecord(value: unknown): value is Schema {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
