/**
 * What a key of the config can hold. `schema.ts` and `device-types.ts` are written with these; the parser, the JSON
 * Schema, the documents and the TypeScript types are all derived from what they return.
 */

interface About {
  /** One sentence (or a few) for the documents and for editor completion. */
  readonly help: string;
  /** What a bare number counts, for the documents. */
  readonly unit?: string;
  /** YAML values that show how it is written; a test parses each. */
  readonly examples?: readonly string[];
  /** The value when the key is absent. Without it the key is optional (`undefined`), or an error if `required`. */
  readonly default?: unknown;
  readonly required?: boolean;
  /** In words, when the default is computed (from the host, from another key). */
  readonly defaultHelp?: string;
}

export interface TextField extends About {
  readonly kind: 'text';
  readonly pattern?: RegExp;
  /** What `pattern` allows, to finish the sentence "Expected …". */
  readonly patternHelp?: string;
  readonly lengthMax?: number;
}
export interface PathField extends About {
  readonly kind: 'path';
  /**
   * `read`: a file that must exist. `create`: made by us, its directory must exist; `socket`: a Unix socket made by us;
   * `connect`: one made by somebody else, perhaps later.
   */
  readonly access: 'read' | 'create' | 'socket' | 'connect';
}
export interface IntegerField extends About {
  readonly kind: 'integer';
  readonly min: number;
  readonly max: number;
  /** Only these numbers. */
  readonly only?: readonly number[];
}
/** Bytes: a number, or a text with K, M, G or T. */
export interface SizeField extends About {
  readonly kind: 'size';
  readonly min: number;
  readonly max: number;
  readonly multipleOf?: number;
  /** Only these sizes, with 0 written as `off`. */
  readonly only?: readonly number[];
  /** It counts bytes too, but people write it in hexadecimal. */
  readonly address?: true;
}
export interface FlagField extends About {
  readonly kind: 'flag';
}
export interface ChoiceField extends About {
  readonly kind: 'choice';
  readonly choices: readonly string[];
  /** What each choice means, for the documents. */
  readonly meanings?: Readonly<Record<string, string>>;
}
/** Host CPU numbers: `0-3`, or a list of numbers and ranges. */
export interface CpuListField extends About {
  readonly kind: 'cpu-list';
}
/** Where bytes come from and go to: a word, or `scheme:PATH`. */
export interface EndpointField extends About {
  readonly kind: 'endpoint';
  readonly words: Readonly<Record<string, string>>;
  readonly schemes: Readonly<Record<string, string>>;
}
/** A list of texts. */
export interface TextsField extends About {
  readonly kind: 'texts';
  /** What each of them is. */
  readonly pattern: RegExp;
  /** What `pattern` allows, to finish the sentence "Expected …". */
  readonly patternHelp: string;
}
/** Values of one kind, each with a name of the user's choice. */
export interface MapField extends About {
  readonly kind: 'map';
  readonly of: Field;
  readonly namePattern: RegExp;
  /** What `namePattern` allows, to finish the sentence "Expected …". */
  readonly namePatternHelp: string;
  readonly countMax: number;
}
/** A list of device-tree overlays: paths, or trees written in the config itself. */
export interface OverlaysField extends About {
  readonly kind: 'overlays';
}
export interface ObjectField extends About {
  readonly kind: 'object';
  readonly keys: Readonly<Record<string, Field>>;
  /** The key that a value stands for when it is not a mapping (`cpus: 2` is `cpus: { count: 2 }`). */
  readonly short?: string;
}
/** Named mappings, each with a `type` that decides its other keys. */
export interface DevicesField extends About {
  readonly kind: 'devices';
  readonly types: Readonly<Record<string, ObjectField>>;
  /** The types that a device with a `backend` may have: another process serves it. */
  readonly served: Readonly<Record<string, ObjectField>>;
}

export type Field =
  | TextField
  | PathField
  | IntegerField
  | SizeField
  | FlagField
  | ChoiceField
  | CpuListField
  | EndpointField
  | TextsField
  | MapField
  | OverlaysField
  | ObjectField
  | DevicesField;

export const text = <const About extends Omit<TextField, 'kind'>>(about: About) =>
  ({ kind: 'text', ...about }) as const;
export const path = <const About extends Omit<PathField, 'kind'>>(about: About) =>
  ({ kind: 'path', ...about }) as const;
export const integer = <const About extends Omit<IntegerField, 'kind'>>(about: About) =>
  ({ kind: 'integer', ...about }) as const;
export const size = <const About extends Omit<SizeField, 'kind'>>(about: About) =>
  ({ kind: 'size', ...about }) as const;
export const flag = <const About extends Omit<FlagField, 'kind'>>(about: About) =>
  ({ kind: 'flag', ...about }) as const;
export const choice = <const About extends Omit<ChoiceField, 'kind'>>(about: About) =>
  ({ kind: 'choice', ...about }) as const;
export const cpuList = <const About extends Omit<CpuListField, 'kind'>>(about: About) =>
  ({ kind: 'cpu-list', ...about }) as const;
export const endpoint = <const About extends Omit<EndpointField, 'kind'>>(about: About) =>
  ({ kind: 'endpoint', ...about }) as const;
export const texts = <const About extends Omit<TextsField, 'kind'>>(about: About) =>
  ({ kind: 'texts', ...about }) as const;
export const map = <const About extends Omit<MapField, 'kind'>>(about: About) => ({ kind: 'map', ...about }) as const;
export const overlays = <const About extends Omit<OverlaysField, 'kind'>>(about: About) =>
  ({ kind: 'overlays', ...about }) as const;
export const object = <const About extends Omit<ObjectField, 'kind'>>(about: About) =>
  ({ kind: 'object', ...about }) as const;
export const devices = <const About extends Omit<DevicesField, 'kind'>>(about: About) =>
  ({ kind: 'devices', ...about }) as const;

/** An endpoint after parsing: `stdio` is `{ kind: 'stdio' }`, `file:log` is `{ kind: 'file', path: '/…/log' }`. */
export type Endpoint<Words, Schemes> =
  | { [Word in keyof Words]: { readonly kind: Word } }[keyof Words]
  | { [Scheme in keyof Schemes]: { readonly kind: Scheme; readonly path: string } }[keyof Schemes];

/** `tree`: as YAML has it; fdt/inline.ts says what may be in it and merges it. */
export type Overlay =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'inline'; readonly tree: Readonly<Record<string, unknown>> };

/** `stolen-time` in the file is `stolenTime` in TypeScript. */
export type Camel<Key> = Key extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Key;

/** What a mapping with these keys is after parsing: every key present, defaults filled in. */
export type ObjectValue<Keys> = { readonly [Key in keyof Keys as Camel<Key>]: ValueOf<Keys[Key]> };

type Present<F> = F extends { kind: 'text' | 'path' }
  ? string
  : F extends { kind: 'integer' | 'size' }
    ? number
    : F extends { kind: 'flag' }
      ? boolean
      : F extends { kind: 'choice'; choices: readonly (infer Choice)[] }
        ? Choice
        : F extends { kind: 'cpu-list' }
          ? readonly number[]
          : F extends { kind: 'endpoint'; words: infer Words; schemes: infer Schemes }
            ? Endpoint<Words, Schemes>
            : F extends { kind: 'map'; of: infer Of }
              ? Readonly<Record<string, Present<Of>>>
              : F extends { kind: 'texts' }
                ? readonly string[]
                : F extends { kind: 'overlays' }
                  ? readonly Overlay[]
                  : F extends { kind: 'object'; keys: infer Keys }
                    ? ObjectValue<Keys>
                    : F extends { kind: 'devices'; types: infer Types; served: infer Served }
                      ? Readonly<Record<string, DeviceValue<Types> | DeviceValue<Served>>>
                      : never;

type DeviceValue<Types> = {
  [Type in keyof Types]: Types[Type] extends { keys: infer Keys } ? { readonly type: Type } & ObjectValue<Keys> : never;
}[keyof Types];

/** What `F` is after parsing. */
export type ValueOf<F> = F extends { default: unknown } | { required: true } | { kind: 'object' | 'devices' | 'map' }
  ? Present<F>
  : Present<F> | undefined;

/** `stolen-time` → `stolenTime`. */
export function camel(key: string): string {
  return key.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
