/**
 * Image formats that are not raw, told by their magic numbers: a disk that showed one to its guest as it is would be full of
 * rubbish. They are refused with the config line that puts qemu-storage-daemon in front of them. LUKS and file systems are
 * not among them: those a guest may well want as they are.
 */

interface ImageFormat {
  readonly name: string;
  /** QEMU's driver; undefined when it has none. */
  readonly driver?: string;
  /** Where `magic` stands: from the start of the file, or (negative) from its end. */
  readonly at: number;
  readonly magic: string;
}

/** So many bytes of the start and of the end decide. */
export const EDGE_BYTES = 512;

/** One character of `magic` is one byte. From the headers that QEMU's block drivers read, and from file(1). */
const FORMATS: readonly ImageFormat[] = [
  { name: 'qcow2', driver: 'qcow2', at: 0, magic: 'QFI\xfb\0\0\0\x03' },
  { name: 'qcow2', driver: 'qcow2', at: 0, magic: 'QFI\xfb\0\0\0\x02' },
  { name: 'qcow', driver: 'qcow', at: 0, magic: 'QFI\xfb\0\0\0\x01' },
  { name: 'QED', driver: 'qed', at: 0, magic: 'QED\0' },
  { name: 'VMDK', driver: 'vmdk', at: 0, magic: 'KDMV' },
  { name: 'VMDK', driver: 'vmdk', at: 0, magic: 'COWD' },
  { name: 'VMDK', driver: 'vmdk', at: 0, magic: '# Disk DescriptorFile' },
  { name: 'VHDX', driver: 'vhdx', at: 0, magic: 'vhdxfile' },
  { name: 'VDI', driver: 'vdi', at: 0x40, magic: '\x7f\x10\xda\xbe' },
  { name: 'VHD', driver: 'vpc', at: -512, magic: 'conectix' },
  { name: 'Parallels', driver: 'parallels', at: 0, magic: 'WithoutFreeSpace' },
  { name: 'Parallels', driver: 'parallels', at: 0, magic: 'WithouFreSpacExt' },
  { name: 'Apple DMG', driver: 'dmg', at: -512, magic: 'koly\0\0\0\x04' },
  { name: 'Android sparse', at: 0, magic: '\x3a\xff\x26\xed\x01\0' },
  { name: 'gzip-compressed', at: 0, magic: '\x1f\x8b\x08' },
  { name: 'xz-compressed', at: 0, magic: '\xfd7zXZ\0' },
  { name: 'zstd-compressed', at: 0, magic: '\x28\xb5\x2f\xfd' },
];

/** The format of a file that begins with `head` and ends with `tail`; undefined for a raw image. */
export function recogniseFormat(head: Uint8Array, tail: Uint8Array): ImageFormat | undefined {
  return FORMATS.find(({ at, magic }) => {
    const bytes = at < 0 ? tail.subarray(Math.max(0, tail.length + at)) : head.subarray(at);
    return bytes.length >= magic.length && [...magic].every((letter, index) => bytes[index] === letter.charCodeAt(0));
  });
}

/** Why `path` is no disk, to follow "Cannot use PATH as a disk: ", and what to write instead. */
export function formatProblem({ name, driver }: ImageFormat, path: string, isReadonly: boolean): string {
  const asItIs = 'format: raw gives it to the guest as it is';
  if (driver === undefined) return `it is a ${name} image, and a disk is a raw one: unpack it; ${asItIs}`;
  const line = backendLine(driver, path, isReadonly);
  return `it is a ${name} image, and a disk is a raw one: write this in place of its path, and qemu-storage-daemon serves it; ${asItIs}\n  ${line}`;
}

/** `{socket}` is where orko-vmm expects whoever serves a disk (vhost-user). */
function backendLine(driver: string, path: string, isReadonly: boolean): string {
  // A comma in a value of QEMU's options is written twice.
  const file = `file.driver=file,file.filename=${path.replaceAll(',', ',,')}`;
  const node = `driver=${driver},node-name=disk,${isReadonly ? 'read-only=on,' : ''}${file}`;
  const access = isReadonly ? '' : 'writable=on,';
  const served = `type=vhost-user-blk,id=export,node-name=disk,${access}addr.type=unix,addr.path={socket}`;
  const words = ['qemu-storage-daemon', '--blockdev', JSON.stringify(node), '--export', JSON.stringify(served)];
  return `backend: { command: [${words.join(', ')}] }`;
}
