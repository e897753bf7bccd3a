/**
 * A config as a plain tree in which every value knows the file and line it came from. yaml.ts makes it, set.ts puts `--set`
 * values into it, read.ts gives it its meaning.
 */

export interface Place {
  readonly file: string;
  readonly line: number | undefined;
}

interface At {
  readonly at: Place;
  /** The text on the command line, for values that come from `--set`: a text or path key takes it as it stands. */
  readonly typed?: string;
}
export type Scalar = At & { readonly kind: 'scalar'; readonly value: string | number | boolean | null };
export type List = At & { readonly kind: 'list'; readonly items: readonly Source[] };
export type Mapping = At & { readonly kind: 'mapping'; readonly entries: ReadonlyMap<string, Source> };
export type Source = Scalar | List | Mapping;

/** The file that values of `--set` are said to come from. */
export const SET_FILE = '--set';
