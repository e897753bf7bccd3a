/**
 * /dev/vhost-net (linux/vhost.h): the host's kernel serves the two rings of a network card, from and to a tap. It reaches guest memory
 * through the address space of the process that became its owner, with that process's addresses.
 */
import { O_RDWR } from '../abi/libc.ts';
import {
  VHOST_FILE_UNBIND,
  VHOST_GET_FEATURES,
  VHOST_NET_SET_BACKEND,
  VHOST_SET_FEATURES,
  VHOST_SET_MEM_TABLE,
  VHOST_SET_OWNER,
  VHOST_SET_VRING_ADDR,
  VHOST_SET_VRING_BASE,
  VHOST_SET_VRING_CALL,
  VHOST_SET_VRING_KICK,
  VHOST_SET_VRING_NUM,
  vhost_memory,
  vhost_memory_region,
  vhost_vring_addr,
  vhost_vring_file,
  vhost_vring_state,
} from '../abi/vhost.ts';
import { pack } from '../base/layout.ts';
import type { AddressRange } from '../base/range.ts';
import type { Remedies } from './errno.ts';
import { Fd } from './fd.ts';
import { ioctlStruct, ioctlValue } from './ioctl.ts';

const REMEDIES: Remedies = {
  ENOENT: 'load the kernel module vhost_net ("modprobe vhost_net"), or leave out vhost: on',
  ENODEV: 'load the kernel module vhost_net ("modprobe vhost_net"), or leave out vhost: on',
  EACCES: 'ask for access to it, or leave out vhost: on',
};

/** Guest memory, and where it lies in this process. */
export interface VhostRegion {
  readonly range: AddressRange;
  readonly pointer: bigint;
}

/** One ring: addresses of this process. */
export interface VhostRing {
  readonly size: number;
  readonly desc: bigint;
  readonly avail: bigint;
  readonly used: bigint;
  /** eventfds. */
  readonly kick: number;
  readonly call: number;
}

export class VhostNetFile implements Disposable {
  readonly #fd: Fd;
  /** Which features of the driver it can keep: a mask of ring features and VIRTIO_NET_F_MRG_RXBUF. */
  readonly features: bigint;

  constructor() {
    using owned = new DisposableStack();
    this.#fd = owned.use(Fd.open('/dev/vhost-net', O_RDWR, 'open /dev/vhost-net', REMEDIES));
    ioctlValue(this.#fd, VHOST_SET_OWNER, 0, 'become the owner of a vhost-net');
    const features = new BigUint64Array(1);
    ioctlStruct(this.#fd, VHOST_GET_FEATURES, new Uint8Array(features.buffer), 'ask vhost-net for its features');
    this.features = features[0]!;
    owned.move();
  }

  /** While no ring runs. */
  setFeatures(features: bigint): void {
    this.#set(VHOST_SET_FEATURES, new Uint8Array(BigUint64Array.of(features).buffer), 'features');
  }

  setMemory(regions: readonly VhostRegion[]): void {
    const table = new Uint8Array(vhost_memory.size + regions.length * vhost_memory_region.size);
    table.set(pack(vhost_memory, { nregions: regions.length }));
    for (const [index, { range, pointer }] of regions.entries()) {
      const region = { guest_phys_addr: BigInt(range.base), memory_size: BigInt(range.size), userspace_addr: pointer };
      table.set(pack(vhost_memory_region, region), vhost_memory.size + index * vhost_memory_region.size);
    }
    this.#set(VHOST_SET_MEM_TABLE, table, 'memory');
  }

  /** A ring from its beginning, which does not run. */
  setRing(index: number, { size, desc, avail, used, kick, call }: VhostRing): void {
    this.#set(VHOST_SET_VRING_NUM, pack(vhost_vring_state, { index, num: size }), 'queue size');
    this.#set(VHOST_SET_VRING_BASE, pack(vhost_vring_state, { index, num: 0 }), 'place in a ring');
    const addresses = { index, desc_user_addr: desc, avail_user_addr: avail, used_user_addr: used };
    this.#set(VHOST_SET_VRING_ADDR, pack(vhost_vring_addr, addresses), 'ring addresses');
    this.#set(VHOST_SET_VRING_KICK, pack(vhost_vring_file, { index, fd: kick }), 'kicks');
    this.#set(VHOST_SET_VRING_CALL, pack(vhost_vring_file, { index, fd: call }), 'interrupts');
  }

  /** The ring runs between the driver and `tap`; or, without one, stops, which ends before this returns. */
  setBackEnd(index: number, tap: number | undefined): void {
    this.#set(VHOST_NET_SET_BACKEND, pack(vhost_vring_file, { index, fd: tap ?? VHOST_FILE_UNBIND }), 'tap');
  }

  #set(request: number, argument: Uint8Array, what: string): void {
    ioctlStruct(this.#fd, request, argument, `tell vhost-net its ${what}`);
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}
