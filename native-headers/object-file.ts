/**
 * Reads what the C compiler left in an arm64 object file: a section of plain numbers, and `.BTF`, the types
 * (Linux Documentation/bpf/btf.rst). Nothing is executed, so a cross compiler serves as well as a native one.
 */

/** One type as BTF tells it; `id` is its index. */
interface BtfType {
  readonly kind: number;
  readonly name: string;
  readonly size: number;
  /** The type pointed to, renamed or qualified; the same word as `size`. */
  readonly target: number;
  readonly bitfields: boolean;
  readonly signed: boolean;
  readonly array: { readonly element: number; readonly count: number } | undefined;
  readonly members: readonly { readonly name: string; readonly type: number; readonly offset: number }[];
}

export interface CField {
  readonly name: string;
  readonly kind: 'u8' | 'u16' | 'u32' | 'u64' | 's8' | 's16' | 's32' | 's64' | 'bytes';
  readonly offset: number;
  readonly size: number;
}

const Kind = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;
const POINTER_BYTES = 8;

/** The bytes of section `wanted` of a little-endian ELF64 file (ELF-64 object file format §3). */
export function readSection(file: Uint8Array, wanted: string): DataView {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headersAt = Number(view.getBigUint64(0x28, true));
  const header = (index: number) => headersAt + index * view.getUint16(0x3a, true);
  const offset = (at: number) => Number(view.getBigUint64(at + 0x18, true));
  const namesAt = offset(header(view.getUint16(0x3e, true)));
  for (let index = 0; index < view.getUint16(0x3c, true); index++) {
    const at = header(index);
    if (text(view, namesAt + view.getUint32(at, true)) !== wanted) continue;
    return new DataView(file.buffer, file.byteOffset + offset(at), Number(view.getBigUint64(at + 0x20, true)));
  }
  throw new Error(`The object file has no section ${wanted}`);
}

/** The types of a translation unit. */
export class Types {
  readonly #types: readonly BtfType[];

  constructor(section: DataView) {
    this.#types = decode(section);
  }

  /** Names of all enumeration constants, in the order of the source. */
  enumerators(): string[] {
    const enums = this.#types.filter(({ kind }) => kind === Kind.ENUM || kind === Kind.ENUM64);
    return enums.flatMap(({ members }) => members.map(({ name }) => name));
  }

  /** Names of all structs that have one, in the order of the source. */
  structs(): string[] {
    return this.#types.filter(({ kind, name }) => kind === Kind.STRUCT && name !== '').map(({ name }) => name);
  }

  /** sizeof and the fields of a struct, union or typedef, nested ones with dots, in order of declaration. Bit-fields are left out. */
  layoutOf(name: string): { size: number; fields: CField[] } {
    const kinds: readonly number[] = [Kind.STRUCT, Kind.UNION, Kind.TYPEDEF];
    const id = this.#types.findIndex((type) => type.name === name && kinds.includes(type.kind));
    if (id < 0) throw new Error(`No header declares ${name}`);
    return { size: this.#sizeOf(id), fields: this.#fieldsOf(id, 0, '') };
  }

  #resolve(id: number): BtfType {
    const type = this.#types[id]!;
    const renamed: readonly number[] = [Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG];
    return renamed.includes(type.kind) ? this.#resolve(type.target) : type;
  }

  #sizeOf(id: number): number {
    const { kind, size, array } = this.#resolve(id);
    if (array) return array.count * this.#sizeOf(array.element);
    return kind === Kind.PTR ? POINTER_BYTES : size;
  }

  #fieldsOf(id: number, base: number, prefix: string): CField[] {
    const { members, bitfields } = this.#resolve(id);
    return members.flatMap((member): CField[] => {
      const bitfield = bitfields && member.offset >>> 24 !== 0;
      if (bitfield) return [];
      const offset = base + (bitfields ? member.offset & 0xffffff : member.offset) / 8;
      const type = this.#resolve(member.type);
      if (type.kind === Kind.STRUCT || type.kind === Kind.UNION) {
        return this.#fieldsOf(member.type, offset, member.name ? `${prefix}${member.name}.` : prefix);
      }
      const size = this.#sizeOf(member.type);
      const scalar = (type.kind === Kind.INT || type.kind === Kind.ENUM || type.kind === Kind.PTR) && size <= 8;
      const kind = scalar ? (`${type.signed ? 's' : 'u'}${size * 8}` as CField['kind']) : 'bytes';
      return [{ name: prefix + member.name, kind, offset, size }];
    });
  }
}

function decode(section: DataView): BtfType[] {
  const u32 = (at: number) => section.getUint32(at, true);
  const headerSize = u32(4);
  const typesEnd = headerSize + u32(8) + u32(12);
  const stringsAt = headerSize + u32(16);
  const name = (at: number) => text(section, stringsAt + u32(at));
  const types: BtfType[] = [plain({ kind: 0, name: 'void' })];
  for (let at = headerSize + u32(8); at < typesEnd; ) {
    const info = u32(at + 4);
    const count = info & 0xffff;
    const kind = (info >>> 24) & 0x1f;
    const body = at + 12;
    const stride = tailBytes(kind);
    const listed = stride.perEntry > 0 ? count : 0;
    const hasMembers = kind === Kind.STRUCT || kind === Kind.UNION || kind === Kind.ENUM || kind === Kind.ENUM64;
    types.push(
      plain({
        kind,
        name: name(at),
        size: u32(at + 8),
        target: u32(at + 8),
        bitfields: info >>> 31 === 1,
        signed: kind === Kind.INT && ((u32(body) >>> 24) & 1) === 1,
        array: kind === Kind.ARRAY ? { element: u32(body), count: u32(body + 8) } : undefined,
        members: Array.from({ length: hasMembers ? count : 0 }, (_, index) => {
          const entry = body + index * stride.perEntry;
          const isEnum = kind === Kind.ENUM || kind === Kind.ENUM64;
          return { name: name(entry), type: isEnum ? 0 : u32(entry + 4), offset: isEnum ? 0 : u32(entry + 8) };
        }),
      }),
    );
    at = body + stride.fixed + listed * stride.perEntry;
  }
  return types;
}

/** Bytes that follow the 12 common ones, by kind (btf.rst §2.2). */
function tailBytes(kind: number): { fixed: number; perEntry: number } {
  switch (kind) {
    case Kind.INT:
    case Kind.VAR:
    case Kind.DECL_TAG:
      return { fixed: 4, perEntry: 0 };
    case Kind.ARRAY:
      return { fixed: 12, perEntry: 0 };
    case Kind.STRUCT:
    case Kind.UNION:
    case Kind.DATASEC:
    case Kind.ENUM64:
      return { fixed: 0, perEntry: 12 };
    case Kind.ENUM:
    case Kind.FUNC_PROTO:
      return { fixed: 0, perEntry: 8 };
    default:
      return { fixed: 0, perEntry: 0 };
  }
}

function plain(type: Partial<BtfType> & { kind: number }): BtfType {
  return { name: '', size: 0, target: 0, bitfields: false, signed: false, array: undefined, members: [], ...type };
}

function text(view: DataView, at: number): string {
  let end = at;
  while (view.getUint8(end) !== 0) end++;
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, end - at));
}
