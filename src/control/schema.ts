/**
 * The little of JSON Schema that the control protocol needs, written once: each helper makes a schema that TypeScript
 * knows the type of, `mismatch` checks a value against it, and `json` is what is published.
 */

/** A JSON Schema (draft 2020-12) and, for the compiler only, the type of what it accepts. */
export interface Schema<T> {
  readonly json: JsonSchema;
  /** Never set: carries T. */
  readonly accepts?: T;
}
export type TypeOf<S> = S extends Schema<infer T> ? T : never;

export interface JsonSchema {
  readonly type: 'string' | 'integer' | 'boolean' | 'array' | 'object';
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  /** What every field that `properties` does not name holds. */
  readonly additionalProperties?: JsonSchema;
}

type Fields = Readonly<Record<string, Schema<unknown>>>;
type Required<F extends Fields> = { readonly [Name in keyof F]: TypeOf<F[Name]> };
type Optional<F extends Fields> = { readonly [Name in keyof F]?: TypeOf<F[Name]> };

export const text = (description: string): Schema<string> => ({ json: { type: 'string', description } });

export const flag = (description: string): Schema<boolean> => ({ json: { type: 'boolean', description } });

export const oneOf = <const T extends string>(description: string, ...values: readonly T[]): Schema<T> => ({
  json: { type: 'string', description, enum: values },
});

/** A whole number ≥ 0 that a double holds exactly, unless `maximum` is less. */
export const count = (description: string, maximum = Number.MAX_SAFE_INTEGER): Schema<number> => ({
  json: { type: 'integer', description, minimum: 0, maximum },
});

export const list = <T>(description: string, items: Schema<T>): Schema<readonly T[]> => ({
  json: { type: 'array', description, items: items.json },
});

/** Any names, each with the same kind of value. */
export const map = <T>(description: string, values: Schema<T>): Schema<Readonly<Record<string, T>>> => ({
  json: { type: 'object', description, additionalProperties: values.json },
});

export function record<R extends Fields, O extends Fields = Record<never, never>>(
  required: R,
  optional?: O,
): Schema<Required<R> & Optional<O>> {
  const properties = Object.fromEntries(
    Object.entries({ ...required, ...optional }).map(([name, schema]) => [name, schema.json]),
  );
  return { json: { type: 'object', properties, required: Object.keys(required) } };
}

/** Why `value` is not what `schema` describes, as a sentence part, or undefined. `extra`: what unknown fields are. */
export function mismatch(
  schema: JsonSchema,
  value: unknown,
  extra: 'refused' | 'ignored',
  path = '',
): string | undefined {
  const expected = (what: string) => `${path || 'it'} must be ${what}`;
  switch (schema.type) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : expected('true or false');
    case 'string':
      if (typeof value !== 'string') return expected('a string');
      return schema.enum && !schema.enum.includes(value) ? expected(`one of ${schema.enum.join(', ')}`) : undefined;
    case 'integer':
      if (!Number.isSafeInteger(value) || (value as number) < schema.minimum! || (value as number) > schema.maximum!)
        return expected(`a whole number from ${schema.minimum} to ${schema.maximum}`);
      return undefined;
    case 'array':
      if (!Array.isArray(value)) return expected('a list');
      return firstOf(value.entries(), ([index, item]) => mismatch(schema.items!, item, extra, `${path}[${index}]`));
    case 'object':
      if (!isObject(value)) return expected('an object');
      return mismatchOfFields(schema, value, extra, path === '' ? '' : `${path}.`);
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mismatchOfFields(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  extra: 'refused' | 'ignored',
  prefix: string,
): string | undefined {
  const missing = schema.required?.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return `${prefix}${missing} is missing`;
  return firstOf(Object.entries(value), ([name, field]) => {
    const known = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties![name] : schema.additionalProperties;
    if (known) return mismatch(known, field, extra, `${prefix}${name}`);
    return extra === 'refused' ? `${prefix}${JSON.stringify(name)} is not known` : undefined;
  });
}

function firstOf<T>(items: Iterable<T>, test: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = test(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
