/** The initramfs archive: "newc" cpio, Linux Documentation/driver-api/early-userspace/buffer-format.rst. */

/** File types of st_mode, inode(7). */
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const NEWC_MAGIC = '070701';

export interface CpioEntry {
  /** Relative to the root, without a leading slash. */
  readonly name: string;
  /** A folder when absent. */
  readonly data?: Uint8Array;
  /** Permission bits, 0755 when absent. */
  readonly mode?: number;
}

/** Packs `entries` in the order given; a folder has to stand before what lies in it. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const [index, { name, data, mode = 0o755 }] of entries.entries()) {
    parts.push(...record(index + 1, name, (data ? S_IFREG : S_IFDIR) | mode, data ?? new Uint8Array()));
  }
  parts.push(...record(0, 'TRAILER!!!', 0, new Uint8Array()));
  return Buffer.concat(parts);
}

function record(inode: number, name: string, mode: number, data: Uint8Array): Uint8Array[] {
  const nameBytes = Buffer.from(`${name}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, nameBytes.length, 0];
  const header = Buffer.from(NEWC_MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join(''));
  const head = Buffer.concat([header, nameBytes]);
  return [head, padding(head.length), data, padding(data.length)];
}

/** Names and data each end on a multiple of four bytes. */
function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}
