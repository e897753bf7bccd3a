/** An ext4 image on the host of a nested test, with files whose checksums a guest can look at. */
import type { NestedHost } from './nested-host.ts';

const MAKE_TIMEOUT_MS = 300_000;

export interface FileSystem {
  /** Bytes of each file: `file-SIZE`. */
  readonly sizes?: readonly number[];
  readonly mebibytes?: number;
}

/** Makes `path`, with files of all sizes and their checksums in SUMS. The same files are in the folder `PATH.tree`. Returns `path`. */
export async function makeFileSystem(
  on: NestedHost,
  path: string,
  { sizes = [0, 1, 4096, 65_537, 3_000_000], mebibytes = 32 }: FileSystem = {},
): Promise<string> {
  const tree = `${path}.tree`;
  const make = sizes.map((size) => `head -c ${size} /dev/urandom >${tree}/file-${size}`).join(' && ');
  const image = `mke2fs -q -t ext4 -d ${tree} ${path} ${mebibytes}M`;
  await on.must(`mkdir ${tree} && ${make} && (cd ${tree} && md5sum file-* >SUMS) && ${image}`, {
    timeoutMs: MAKE_TIMEOUT_MS,
  });
  return path;
}
