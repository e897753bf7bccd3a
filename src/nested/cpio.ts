/** Writes the "newc" cpio archives that Linux unpacks as its initramfs (Documentation/driver-api/early-userspace/buffer-format.rst). */

export type CpioEntry =
  | { kind: 'directory'; path: string }
  | { kind: 'file'; path: string; data: Uint8Array; isExecutable?: boolean; isPrivate?: boolean }
  | { kind: 'symlink'; path: string; target: string }
  | { kind: 'character-device'; path: string; major: number; minor: number };

/** st_mode's file types, as in inode(7), with the permissions that an initramfs needs. */
const MODE = {
  directory: 0o040755,
  file: 0o100644,
  executable: 0o100755,
  private: 0o100600,
  symlink: 0o120777,
  device: 0o020600,
} as const;
const ALIGNMENT_BYTES = 4;
const TRAILER = 'TRAILER!!!';

/** The archive: owned by root, dated 1970, numbered in order, so equal entries give equal bytes. */
export function encodeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts = entries.flatMap((entry, index) => encodeEntry(entry, index + 1));
  parts.push(...encodeFields(TRAILER, { inode: 0, mode: 0, links: 1, data: new Uint8Array(), major: 0, minor: 0 }));
  const archive = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    archive.set(part, offset);
    offset += part.length;
  }
  return archive;
}

function encodeEntry(entry: CpioEntry, inode: number): Uint8Array[] {
  const fields = { inode, links: 1, data: new Uint8Array(), major: 0, minor: 0 };
  switch (entry.kind) {
    case 'directory':
      return encodeFields(entry.path, { ...fields, mode: MODE.directory, links: 2 });
    case 'file':
      return encodeFields(entry.path, { ...fields, mode: fileMode(entry), data: entry.data });
    case 'symlink':
      return encodeFields(entry.path, { ...fields, mode: MODE.symlink, data: new TextEncoder().encode(entry.target) });
    case 'character-device':
      return encodeFields(entry.path, { ...fields, mode: MODE.device, major: entry.major, minor: entry.minor });
  }
}

function fileMode({ isExecutable, isPrivate }: CpioEntry & { kind: 'file' }): number {
  if (isPrivate) return MODE.private;
  return isExecutable ? MODE.executable : MODE.file;
}

interface Fields {
  inode: number;
  mode: number;
  links: number;
  data: Uint8Array;
  major: number;
  minor: number;
}

/** Magic and thirteen eight-digit fields, the name, the data; name and data each end on a multiple of four. */
function encodeFields(path: string, { inode, mode, links, data, major, minor }: Fields): Uint8Array[] {
  const name = new TextEncoder().encode(`${path}\0`);
  const numbers = [inode, mode, 0, 0, links, 0, data.length, 0, 0, major, minor, name.length, 0];
  const header = `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`;
  const start = new TextEncoder().encode(header);
  return [start, name, padding(start.length + name.length), data, padding(data.length)];
}

function padding(bytes: number): Uint8Array {
  return new Uint8Array((ALIGNMENT_BYTES - (bytes % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES);
}
