/**
 * A network that needs no privileges: passt(1) turns the guest's frames into sockets of its own, so what the guest does comes
 * from this host's addresses. It gets one end of a socket pair and nothing else of ours; when the other end closes, however
 * the VM ended, it ends too. Started by root it becomes somebody else by itself.
 */
import { HostError } from '../base/errors.ts';
import type { Network, NetworkPort } from '../devices/network.ts';
import { ChildProcess } from '../host/child-process.ts';
import { getuid } from '../host/libc.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import type { DeviceWorld } from '../virtio/device.ts';
import { FrameStream } from './frame-stream.ts';

/** The first file descriptor that ChildProcess hands over. */
const SOCKET = '3';
const ROOT = 0;
/** Who it becomes when root starts it: nobody, as by default, but without a word about it. */
const NOBODY = '65534:65534';
/** Different lines that are passed on. */
const LINES_MAX = 50;

export interface PasstOptions {
  readonly mtu: number;
  /** `tcp:8022:22`, `udp:127.0.0.1:5353:53`, `tcp:[::1]:8022:22`: FORWARD matches each. */
  readonly forward: readonly string[];
}

/** Protocol, address of the host, port of the host, port of the guest. */
export const FORWARD = /^(tcp|udp):(?:(\d+(?:\.\d+){3}|\[[0-9A-Fa-f:.]+\]):)?(\d{1,5}):(\d{1,5})$/;

export class Passt implements Network {
  readonly ports: readonly NetworkPort[];
  readonly hasHeaders = false;
  readonly offloads = 0n;
  readonly #resources: DisposableStack;

  static async start(options: PasstOptions, world: DeviceWorld): Promise<Passt> {
    using starting = new DisposableStack();
    const [ours, theirs] = UnixSocket.pair('the network socket');
    const stream = starting.use(new FrameStream(ours));
    using passtEnd = theirs;
    // It does not expect its own sends to want another try.
    passtEnd.setBlocking(true);
    const child = await ChildProcess.start({
      command: 'passt',
      arguments: passtArguments(options),
      fds: [passtEnd],
      remedy: 'install the package passt, or write network: tap',
    });
    starting.use(child);
    starting.use(watch(child, stream, world));
    return new Passt(stream, starting.move());
  }

  private constructor(stream: FrameStream, resources: DisposableStack) {
    this.ports = [stream];
    this.#resources = resources;
  }

  setGuestOffloads(): void {}

  /** It speaks to the guest alone. */
  setFilter(): void {}

  usePorts(): void {}

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

export function passtArguments({ mtu, forward }: PasstOptions): string[] {
  const words = ['--foreground', '--quiet', '--fd', SOCKET, '--mtu', String(mtu)];
  if (getuid() === ROOT) words.push('--runas', NOBODY);
  for (const entry of forward) {
    const [, protocol, address, hostPort, guestPort] = FORWARD.exec(entry)!;
    const place = address === undefined ? '' : `${address.replace(/^\[|\]$/g, '')}/`;
    words.push(`--${protocol}-ports`, `${place}${hostPort}:${guestPort}`);
  }
  return words;
}

/**
 * Passes on what it says, each line once: a guest can make it say the same about every packet. That it ends before it has
 * sent a frame means that it could not start.
 */
function watch(child: ChildProcess, stream: FrameStream, { loop, log }: DeviceWorld): Disposable {
  const said = new Set<string>();
  let last = '';
  const watching = loop.watch(child.fd, { readable: true }, () => {
    const { lines, end } = child.take();
    for (const line of lines) {
      if (said.size < LINES_MAX && !said.has(line)) log(`passt: ${line}`);
      if (said.size < LINES_MAX) said.add(line);
      last = line;
    }
    if (end === undefined) return;
    watching[Symbol.dispose]();
    if (!stream.hasHeard) throw new HostError(`Cannot start passt: ${last || end}`);
    log(end);
  });
  return watching;
}
