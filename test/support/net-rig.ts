/**
 * A network card between a driver-side simulator and "the host": each port is a socket pair whose reads and writes are whole
 * frames, as those of a tap are, so frames really go through readv and writev from and to guest memory.
 */
import { AF_UNIX, SOCK_NONBLOCK, SOCK_SEQPACKET } from '../../src/abi/libc.ts';
import { virtio_net_config, virtio_net_hdr_v1 } from '../../src/abi/virtio-net.ts';
import { TapPort } from '../../src/backends/tap.ts';
import { pack, unpack, type Values } from '../../src/base/layout.ts';
import { MiB } from '../../src/base/units.ts';
import type { Network, ReceiveFilter } from '../../src/devices/network.ts';
import { type NetOptions, VirtioNet } from '../../src/devices/virtio-net.ts';
import { check } from '../../src/host/errno.ts';
import { Fd } from '../../src/host/fd.ts';
import * as libc from '../../src/host/libc.ts';
import { Mapping } from '../../src/host/mapping.ts';
import { receiveBytes, sendBytes } from '../../src/host/socket-bytes.ts';
import { RateLimit, type RateLimitOptions } from '../../src/virtio/rate-limit.ts';
import { DeviceRig } from './device-rig.ts';
import { GuestRam } from './guest-ram.ts';

export const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const UNLIMITED: RateLimitOptions = { bytesPerSecond: 0, requestsPerSecond: 0, burstBytes: 0, burstRequests: 0 };
const RAM_BYTES = 4 * MiB;

/** A network whose other side is the test. */
export class TestNetwork implements Network {
  readonly ports: readonly TapPort[];
  readonly hasHeaders: boolean;
  readonly offloads: bigint;
  /** The test's ends. */
  readonly hostEnds: readonly Fd[];
  guestOffloads: bigint | undefined;
  filter: ReceiveFilter | undefined;
  portsUsed: number | undefined;
  readonly #cardEnds: readonly Fd[];

  constructor({ pairs = 1, hasHeaders = true, offloads = 0n } = {}) {
    const ends = Array.from({ length: pairs }, () => framePair());
    this.#cardEnds = ends.map(([card]) => card);
    this.hostEnds = ends.map(([, host]) => host);
    this.ports = this.#cardEnds.map(({ number }) => new TapPort(number));
    this.hasHeaders = hasHeaders;
    this.offloads = offloads;
  }

  setGuestOffloads(features: bigint): void {
    this.guestOffloads = features;
  }

  setFilter(filter: ReceiveFilter): void {
    this.filter = filter;
  }

  usePorts(count: number): void {
    this.portsUsed = count;
  }

  [Symbol.dispose](): void {
    for (const resource of [...this.ports, ...this.#cardEnds, ...this.hostEnds]) resource[Symbol.dispose]();
  }
}

/** Two ends; what is written to one is read from the other, frame by frame. */
export function framePair(): [Fd, Fd] {
  const numbers = new Int32Array(2);
  const type = SOCK_SEQPACKET | SOCK_NONBLOCK;
  check(libc.socketpair(AF_UNIX, type, 0, new Uint8Array(numbers.buffer)), 'make a socket pair');
  return [new Fd(numbers[0]!), new Fd(numbers[1]!)];
}

interface NetRigOptions extends Partial<Omit<NetOptions, 'limit'>> {
  readonly pairs?: number;
  readonly hasHeaders?: boolean;
  readonly offloads?: bigint;
  readonly rateLimit?: Partial<RateLimitOptions>;
}

export class NetRig implements Disposable {
  readonly network: TestNetwork;
  readonly rig: DeviceRig<VirtioNet>;
  readonly #ram = Mapping.create(RAM_BYTES, { what: 'guest RAM of a test' });

  constructor({ pairs, hasHeaders, offloads, rateLimit, ...options }: NetRigOptions = {}) {
    this.network = new TestNetwork({
      ...(pairs !== undefined && { pairs }),
      ...(hasHeaders !== undefined && { hasHeaders }),
      ...(offloads !== undefined && { offloads }),
    });
    const ram = new GuestRam({ buffer: this.#ram.buffer, pointer: this.#ram.pointer });
    this.rig = new DeviceRig((world) => {
      const limit = () => new RateLimit(world.loop, { ...UNLIMITED, ...rateLimit });
      const defaults = { mac: MAC, mtu: undefined, speed: undefined, linkUp: true, queueSize: 256 };
      return new VirtioNet(this.network, { ...defaults, ...options, limit }, world);
    }, ram);
  }

  get device(): VirtioNet {
    return this.rig.device;
  }

  get config() {
    const padded = new Uint8Array(virtio_net_config.size);
    padded.set(this.device.config.bytes);
    return unpack(virtio_net_config, padded);
  }

  /** A frame arrives from the host; the card does not see it before `arrive`. */
  hostSends(frame: Uint8Array, port = 0): void {
    const count = sendBytes(this.network.hostEnds[port]!.number, frame);
    if (count !== frame.length) throw new Error(`The host could not send a frame: ${count}`);
  }

  /** The port's file descriptor is ready for what it is watched for. */
  arrive(port = 0): void {
    const { fd } = this.network.ports[port]!;
    const { readable, writable } = this.rig.loop.wanted(fd) ?? {};
    if (readable || writable) this.rig.loop.ready(fd);
  }

  /** The other side of the port is gone, which is reported whatever the port is watched for. */
  hangUp(port = 0): void {
    this.network.hostEnds[port]![Symbol.dispose]();
    this.rig.loop.ready(this.network.ports[port]!.fd);
  }

  /** The next frame that reached the host. */
  hostReceives(port = 0): Uint8Array | undefined {
    const buffer = new Uint8Array(128 * 1024);
    const count = receiveBytes(this.network.hostEnds[port]!.number, buffer);
    return count > 0 ? buffer.subarray(0, count) : undefined;
  }

  /** The driver gives receive buffers of these sizes, one descriptor each, and notifies. */
  giveBuffers(...sizes: number[]): void {
    const driver = this.rig.drivers[0]!;
    for (const size of sizes) driver.add({ writable: [size] });
    driver.kick();
    this.rig.notify(0);
  }

  /** What the driver got back: the used part of each buffer. */
  takeBuffers(): Uint8Array[] {
    const taken: Uint8Array[] = [];
    for (let buffer = this.rig.drivers[0]!.take(); buffer; buffer = this.rig.drivers[0]!.take()) {
      taken.push(buffer.written().slice());
    }
    return taken;
  }

  /** The driver sends a frame in these pieces; whether the card gave the buffer back. */
  send(...pieces: Uint8Array[]): boolean {
    return this.rig.send(1, { readable: pieces }) !== undefined;
  }

  /** A command, its class and number first; the answer. */
  command(bytes: readonly number[], index = 2 * this.network.ports.length): number | undefined {
    return this.rig.send(index, { readable: [Uint8Array.from(bytes)], writable: [1] })?.[0];
  }

  [Symbol.dispose](): void {
    this.device[Symbol.dispose]();
    this.#ram[Symbol.dispose]();
  }
}

/** The header before a frame. */
export function header(values: Values<typeof virtio_net_hdr_v1> = {}): Uint8Array {
  return pack(virtio_net_hdr_v1, values);
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** `length` bytes that tell where they come from. */
export function frameOf(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed) & 0xff);
}
