/** Disks of qemu-storage-daemon on the host of a nested test, each at the socket of its name. */
import type { HostProcess, NestedHost } from './nested-host.ts';

/** Serves each of `disks`, files, at `PATH.sock`; all of them are there once it resolves. */
export async function serveDisks(on: NestedHost, disks: readonly string[]): Promise<HostProcess> {
  const exports = disks.map((path, index) => {
    const node = `--blockdev driver=file,node-name=disk${index},filename=${path}`;
    const address = `addr.type=unix,addr.path=${path}.sock`;
    return `${node} --export type=vhost-user-blk,id=export${index},node-name=disk${index},writable=on,${address}`;
  });
  const daemon = on.spawn(`exec qemu-storage-daemon ${exports.join(' ')}`);
  await on.must(`until [ -S ${disks.at(-1)}.sock ]; do sleep 0.1; done`);
  return daemon;
}
