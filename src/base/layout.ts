/**
 * C structs as values: one layout system for ioctl arguments and for memory shared with the kernel. The offsets come
 * from the C compiler through native-headers/ into src/abi/; nothing here knows a struct. All fields little-endian.
 */

export type FieldKind = 'u8' | 'u16' | 'u32' | 'u64' | 's8' | 's16' | 's32' | 's64' | 'bytes';

/** One field: where it lies, how wide, how read. Nested fields are named with dots, as C writes them. */
export interface Field<Kind extends FieldKind = FieldKind> {
  readonly kind: Kind;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

export interface Struct<Fields extends Record<string, Field> = Record<string, Field>> {
  /** sizeof, in bytes. */
  readonly size: number;
  readonly fields: Fields;
}

const field =
  <Kind extends FieldKind>(kind: Kind, size: number) =>
  (offset: number): Field<Kind> => ({ kind, offset, size });

export const u8 = field('u8', 1);
export const u16 = field('u16', 2);
export const u32 = field('u32', 4);
export const u64 = field('u64', 8);
export const s8 = field('s8', 1);
export const s16 = field('s16', 2);
export const s32 = field('s32', 4);
export const s64 = field('s64', 8);
/** An array or a nested struct: `size` bytes, read and written as they are. */
export const bytes = (offset: number, size: number): Field<'bytes'> => ({ kind: 'bytes', offset, size });

export function struct<Fields extends Record<string, Field>>(size: number, fields: Fields): Struct<Fields> {
  return { size, fields };
}

type ValueOf<Kind extends FieldKind> = Kind extends 'u64' | 's64' ? bigint : Kind extends 'bytes' ? Uint8Array : number;
export type Values<S extends Struct> = { [Name in keyof S['fields']]?: ValueOf<S['fields'][Name]['kind']> };
/** A struct with every field, as `unpack` gives it. */
export type Unpacked<S extends Struct> = { [Name in keyof S['fields']]: ValueOf<S['fields'][Name]['kind']> };

/** The bytes of `layout` with `values` in place; what is not given is zero. */
export function pack<S extends Struct>(layout: S, values: Values<S>): Uint8Array {
  const target = new Uint8Array(layout.size);
  packInto(target, layout, values);
  return target;
}

/** Writes `values` into `target` (≥ layout.size bytes); what is not given keeps its bytes. */
export function packInto<S extends Struct>(target: Uint8Array, layout: S, values: Values<S>): void {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (const [name, value] of Object.entries(values) as [string, number | bigint | Uint8Array | undefined][]) {
    if (value === undefined) continue;
    const { kind, offset, size } = layout.fields[name]!;
    if (kind === 'bytes') {
      const source = value as Uint8Array;
      if (source.length > size) throw new RangeError(`${name} holds ${size} bytes, not ${source.length}`);
      target.set(source, offset);
    } else if (size === 8) view.setBigUint64(offset, BigInt.asUintN(64, value as bigint), true);
    else if (size === 4) view.setUint32(offset, value as number, true);
    else if (size === 2) view.setUint16(offset, value as number, true);
    else view.setUint8(offset, value as number);
  }
}

/** All fields of `layout` read from `source` (≥ layout.size bytes); `bytes` fields are copies. */
export function unpack<S extends Struct>(layout: S, source: Uint8Array): Unpacked<S> {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const result: Record<string, number | bigint | Uint8Array> = {};
  for (const [name, { kind, offset, size }] of Object.entries(layout.fields)) {
    switch (kind) {
      case 'u8':
        result[name] = view.getUint8(offset);
        break;
      case 'u16':
        result[name] = view.getUint16(offset, true);
        break;
      case 'u32':
        result[name] = view.getUint32(offset, true);
        break;
      case 'u64':
        result[name] = view.getBigUint64(offset, true);
        break;
      case 's8':
        result[name] = view.getInt8(offset);
        break;
      case 's16':
        result[name] = view.getInt16(offset, true);
        break;
      case 's32':
        result[name] = view.getInt32(offset, true);
        break;
      case 's64':
        result[name] = view.getBigInt64(offset, true);
        break;
      case 'bytes':
        result[name] = source.slice(offset, offset + size);
        break;
    }
  }
  return result as Unpacked<S>;
}
