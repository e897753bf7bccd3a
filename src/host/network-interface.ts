/** Network interfaces of the host, and the few settings of one that a VM needs (netdevice(7)). */
import { ENODEV } from '../abi/errno.ts';
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from '../abi/libc.ts';
import {
  IFF_UP,
  IFNAMSIZ,
  ifreq,
  SIOCBRADDIF,
  SIOCGIFFLAGS,
  SIOCGIFINDEX,
  SIOCGIFMTU,
  SIOCSIFFLAGS,
  SIOCSIFMTU,
} from '../abi/tun.ts';
import { pack, unpack, type Values } from '../base/layout.ts';
import { check, hostError } from './errno.ts';
import { Fd } from './fd.ts';
import { ioctlStruct } from './ioctl.ts';
import * as libc from './libc.ts';

/** The interface called `name`; undefined when there is none. */
export class NetworkInterface implements Disposable {
  readonly name: string;
  readonly #socket: Fd;

  private constructor(name: string, socket: Fd) {
    this.name = name;
    this.#socket = socket;
  }

  static find(name: string): NetworkInterface | undefined {
    using owned = new DisposableStack();
    // Any socket will do: requests go to the interface that they name.
    const socket = owned.use(
      new Fd(check(libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'look at network interfaces')),
    );
    if (libc.ioctlStruct(socket.number, SIOCGIFINDEX, interfaceRequest(name, {})) === -1) {
      if (libc.errno() === ENODEV) return undefined;
      throw hostError(`look for the network interface ${name}`, libc.errno());
    }
    owned.move();
    return new NetworkInterface(name, socket);
  }

  get mtu(): number {
    return this.#ask(SIOCGIFMTU, {}, 'ask for the MTU of')['ifr_ifru.ifru_mtu'];
  }

  setMtu(mtu: number): void {
    this.#ask(SIOCSIFMTU, { 'ifr_ifru.ifru_mtu': mtu }, `set the MTU to ${mtu} of`);
  }

  get isUp(): boolean {
    return (this.#flags() & IFF_UP) !== 0;
  }

  bringUp(): void {
    this.#ask(SIOCSIFFLAGS, { 'ifr_ifru.ifru_flags': this.#flags() | IFF_UP }, 'bring up');
  }

  /** Makes this interface a port of a bridge. */
  joinBridge(bridge: string): void {
    const index = this.#ask(SIOCGIFINDEX, {}, 'look at')['ifr_ifru.ifru_ivalue'];
    const request = interfaceRequest(bridge, { 'ifr_ifru.ifru_ivalue': index });
    const doing = `add the network interface ${this.name} to the bridge ${bridge}`;
    ioctlStruct(this.#socket, SIOCBRADDIF, request, doing, {
      ENODEV: 'there is no such bridge',
      EOPNOTSUPP: `${bridge} is no bridge`,
      EPERM: 'only root may',
    });
  }

  #flags(): number {
    return this.#ask(SIOCGIFFLAGS, {}, 'look at')['ifr_ifru.ifru_flags'];
  }

  #ask(request: number, values: Values<typeof ifreq>, doing: string) {
    const argument = interfaceRequest(this.name, values);
    const what = `${doing} the network interface ${this.name}`;
    ioctlStruct(this.#socket, request, argument, what, { EPERM: 'only root may' });
    return unpack(ifreq, argument);
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/** struct ifreq for the interface `name`. */
export function interfaceRequest(name: string, values: Values<typeof ifreq>): Uint8Array {
  const bytes = new TextEncoder().encode(name).subarray(0, IFNAMSIZ - 1);
  return pack(ifreq, { 'ifr_ifrn.ifrn_name': bytes, ...values });
}

export function nameIn(request: Uint8Array): string {
  const bytes = unpack(ifreq, request)['ifr_ifrn.ifrn_name'];
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}
