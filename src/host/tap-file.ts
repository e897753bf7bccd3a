/** File descriptors of TAP interfaces (Documentation/networking/tuntap.rst): one is one queue of one interface. */
import { O_NONBLOCK, O_RDWR } from '../abi/libc.ts';
import {
  ETH_ALEN,
  IFF_ATTACH_QUEUE,
  IFF_DETACH_QUEUE,
  IFF_MULTI_QUEUE,
  IFF_NO_PI,
  IFF_TAP,
  IFF_VNET_HDR,
  ifreq,
  TUN_FLT_ALLMULTI,
  TUNGETIFF,
  TUNSETIFF,
  TUNSETOFFLOAD,
  TUNSETQUEUE,
  TUNSETTXFILTER,
  TUNSETVNETHDRSZ,
  tun_filter,
} from '../abi/tun.ts';
import { pack, packInto, unpack } from '../base/layout.ts';
import type { Remedies } from './errno.ts';
import { Fd } from './fd.ts';
import { ioctlAccepts, ioctlStruct } from './ioctl.ts';
import * as libc from './libc.ts';
import { interfaceRequest, nameIn } from './network-interface.ts';

const WITHOUT_TUN: Remedies = {
  ENOENT: 'load the kernel module tun ("modprobe tun"), or write network: user',
  ENODEV: 'load the kernel module tun ("modprobe tun"), or write network: user',
  EACCES: 'ask for access to it, or write network: user',
};

export interface TapFacts {
  readonly name: string;
  readonly isTap: boolean;
  /** Whether a virtio_net_hdr stands before each frame. */
  readonly hasHeaders: boolean;
  readonly hasQueues: boolean;
}

/** A queue of the TAP interface `name`, which is made when there is none; without a name the kernel finds one. */
export function openTap(name: string, queues: boolean, remedies: Remedies): Fd {
  using owned = new DisposableStack();
  const fd = owned.use(Fd.open('/dev/net/tun', O_RDWR | O_NONBLOCK, 'open /dev/net/tun', WITHOUT_TUN));
  const flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (queues ? IFF_MULTI_QUEUE : 0);
  const request = interfaceRequest(name, { 'ifr_ifru.ifru_flags': flags });
  ioctlStruct(fd, TUNSETIFF, request, name ? `use the tap ${name}` : 'make a tap', remedies);
  owned.move();
  return fd;
}

/** What somebody else opened. */
export function describeTap(fd: Fd): TapFacts {
  const request = interfaceRequest('', {});
  ioctlStruct(fd, TUNGETIFF, request, `use file descriptor ${fd.number} as a tap`, { '*': 'it is not one of a tap' });
  const flags = unpack(ifreq, request)['ifr_ifru.ifru_flags'];
  return {
    name: nameIn(request),
    isTap: (flags & IFF_TAP) !== 0,
    hasHeaders: (flags & IFF_VNET_HDR) !== 0,
    hasQueues: (flags & IFF_MULTI_QUEUE) !== 0,
  };
}

export function setTapHeaderSize(fd: Fd, bytes: number): void {
  const size = new Uint8Array(Int32Array.of(bytes).buffer);
  ioctlStruct(fd, TUNSETVNETHDRSZ, size, 'set the header size of the tap');
}

/** TUN_F_*: what may be in frames for us. False when the kernel does not know all of them, or the interface is gone. */
export function setTapOffloads(fd: Fd, flags: number): boolean {
  return libc.ioctl(fd.number, TUNSETOFFLOAD, flags) !== -1;
}

/** Frames for these addresses alone; without any, all frames. What has no such filter gives all. */
export function filterTap(fd: Fd, addresses: readonly Uint8Array[], allMulticast: boolean): void {
  const request = new Uint8Array(tun_filter.size + addresses.length * ETH_ALEN);
  packInto(request, tun_filter, { flags: allMulticast ? TUN_FLT_ALLMULTI : 0, count: addresses.length });
  for (const [index, address] of addresses.entries()) request.set(address, tun_filter.size + index * ETH_ALEN);
  ioctlAccepts(fd, TUNSETTXFILTER, request);
}

/** Whether the interface gives frames to this queue of it; nothing happens when the interface is gone. */
export function attachTapQueue(fd: Fd, attached: boolean): void {
  const request = pack(ifreq, { 'ifr_ifru.ifru_flags': attached ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE });
  ioctlAccepts(fd, TUNSETQUEUE, request);
}
