/**
 * The devices that are fuzzed, over a host in memory: it takes what comes, gives a few bytes back, is full or gone at times,
 * and looks whether what it was handed is guest RAM.
 */
import { VIRTIO_RTC_CLOCK_MONOTONIC, VIRTIO_RTC_CLOCK_UTC } from '../../src/abi/virtio-rtc.ts';
import { assert } from '../../src/base/assert.ts';
import { KiB } from '../../src/base/units.ts';
import { Outcome } from '../../src/devices/disk.ts';
import { type Network, type NetworkPort, NO_FRAME, type Sent } from '../../src/devices/network.ts';
import { VirtioBalloon } from '../../src/devices/virtio-balloon.ts';
import { VirtioBlk } from '../../src/devices/virtio-blk.ts';
import { VirtioConsole } from '../../src/devices/virtio-console.ts';
import { VirtioNet } from '../../src/devices/virtio-net.ts';
import { VirtioPmem } from '../../src/devices/virtio-pmem.ts';
import { VirtioRng } from '../../src/devices/virtio-rng.ts';
import { VirtioRtc } from '../../src/devices/virtio-rtc.ts';
import { VirtioVsock } from '../../src/devices/virtio-vsock.ts';
import type { VsockHost, VsockStream } from '../../src/devices/vsock-stream.ts';
import { IovecTable } from '../../src/virtio/chain.ts';
import type { DeviceWorld, VirtioDevice } from '../../src/virtio/device.ts';
import { RateLimit } from '../../src/virtio/rate-limit.ts';
import type { GuestRam } from '../support/guest-ram.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

export const POINTER = 0x7f00_0000_0000;
/** What the net port is ready under. */
export const PORT_FD = 1000;
const QUEUE_SIZE = 8;
const UNLIMITED = { bytesPerSecond: 0, requestsPerSecond: 0, burstBytes: 0, burstRequests: 0 };

/** A device, and what may happen to it from the host's side. */
export interface Fuzzed {
  readonly device: VirtioDevice;
  /** `choice`: which of the things that can happen does. */
  happen(choice: number): void;
}

export type Create = (world: DeviceWorld, ram: GuestRam) => Fuzzed;

export const DEVICES: readonly Create[] = [blk, net, vsock, console, balloon, rtc, rng, pmem];

function blk({ loop }: DeviceWorld, ram: GuestRam): Fuzzed {
  const disk = new (class extends MemoryDisk {
    override read(...args: Parameters<MemoryDisk['read']>): Outcome {
      checkInside(args[0], ram);
      return super.read(...args);
    }

    override write(...args: Parameters<MemoryDisk['write']>): Outcome {
      checkInside(args[0], ram);
      return super.write(...args);
    }
  })(ram, POINTER, { sizeBytes: 64 * KiB });
  const options = { queues: 2, queueSize: QUEUE_SIZE, serial: 'fuzz', cache: 'writeback' } as const;
  const device = new VirtioBlk(disk, loop, new RateLimit(loop, UNLIMITED), options);
  return {
    device,
    happen(choice) {
      if (choice % 3 === 0 && disk.waiters.length > 0) disk.complete();
      else disk.outcome = choice % 2 === 0 ? Outcome.PENDING : Outcome.DONE;
    },
  };
}

function net(world: DeviceWorld, ram: GuestRam): Fuzzed {
  const frame = new Uint8Array(1514).fill(0xa5);
  const sending = new IovecTable(32);
  let frames = 0;
  let sent: Sent = 'sent';
  const port: NetworkPort = {
    fd: PORT_FD,
    room: new IovecTable(32),
    rest: frame,
    receive() {
      if (frames === 0) return NO_FRAME;
      frames--;
      checkInside(this.room!, ram);
      return Math.min(this.room!.byteLength, frame.length);
    },
    begin() {
      sending.clear();
      return sending;
    },
    send() {
      checkInside(sending, ram);
      return sent;
    },
    cancel() {},
  };
  const network: Network = {
    ports: [port],
    hasHeaders: true,
    offloads: 0n,
    setGuestOffloads() {},
    setFilter() {},
    usePorts() {},
    [Symbol.dispose]() {},
  };
  const limit = () => new RateLimit(world.loop, UNLIMITED);
  const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
  const options = { mac, mtu: 1500, speed: undefined, linkUp: true, queueSize: QUEUE_SIZE, limit };
  return {
    device: new VirtioNet(network, options, world),
    happen(choice) {
      if (choice % 2 === 0) frames = choice % 8;
      else sent = (['sent', 'full', 'refused'] as const)[choice % 3]!;
    },
  };
}

function vsock({ loop }: DeviceWorld, ram: GuestRam): Fuzzed {
  let offer: ((guestPort: number, stream: VsockStream) => boolean) | undefined;
  const streams: { ready: () => void; left: number }[] = [];
  const stream = (left: number): VsockStream => {
    const state = { ready: () => {}, left };
    return {
      start(ready) {
        state.ready = ready;
        streams.push(state);
      },
      want() {},
      get isGone() {
        return state.left < 0;
      },
      read(table) {
        checkInside(table, ram);
        const count = Math.min(state.left, table.byteLength);
        state.left -= Math.max(count, 0);
        return count;
      },
      write(table) {
        checkInside(table, ram);
        return table.byteLength >> 1;
      },
      writeBytes: (bytes) => bytes.length,
      waitForRoom: () => true,
      established() {},
      endWriting() {},
      endReading() {},
      [Symbol.dispose]: () => void streams.splice(streams.indexOf(state) >>> 0, 1),
    };
  };
  const host: VsockHost = {
    connect: (port) => (port % 4 === 0 ? undefined : port % 4 === 1 ? 'busy' : stream(port)),
    listen: (to) => {
      offer = to;
    },
    pause: () => {
      offer = undefined;
    },
    [Symbol.dispose]() {},
  };
  return {
    device: new VirtioVsock(host, loop, { guestCid: 42, queueSize: QUEUE_SIZE }),
    happen(choice) {
      const state = streams[choice % Math.max(streams.length, 1)];
      if (choice % 3 === 0) offer?.(choice, stream(choice));
      else if (state && choice % 3 === 1) state.left = choice % 5 === 0 ? -1 : choice;
      state?.ready();
    },
  };
}

function console(world: DeviceWorld): Fuzzed {
  const receivers: ((bytes: Uint8Array) => number)[] = [];
  const rooms: (() => void)[] = [];
  let isFull = false;
  const port = (name?: string) => ({
    ...(name !== undefined && { name }),
    open: (events: { room(): void; peer(isThere: boolean): void }) => {
      rooms.push(() => events.room());
      return {
        description: 'memory',
        write() {},
        get isFull() {
          return isFull;
        },
        start: (receive: (bytes: Uint8Array) => number) => void receivers.push(receive),
        resume() {},
        [Symbol.dispose]() {},
      };
    },
  });
  const options = { console: port(), ports: [port('a')], size: { columns: 80, rows: 25 }, queueSize: QUEUE_SIZE };
  return {
    device: new VirtioConsole(options, world),
    happen(choice) {
      isFull = choice % 4 === 0;
      if (!isFull) rooms[choice % rooms.length]?.();
      receivers[choice % receivers.length]?.(new Uint8Array(choice));
    },
  };
}

function balloon(world: DeviceWorld, ram: GuestRam): Fuzzed {
  const host = {
    granule: 4 * KiB,
    canDiscard: () => undefined,
    discard(pointer: number, size: number) {
      assert(
        pointer >= POINTER && pointer + size <= POINTER + ram.bytes.length,
        'the balloon gives away more than RAM',
      );
    },
  };
  const options = { target: 16 * KiB, deflateOnOom: true, freePageReporting: true, statsIntervalMs: 100 };
  const device = new VirtioBalloon(world, host, { ...options, queueSize: QUEUE_SIZE });
  return { device, happen: (choice) => void device.actions['target']?.run(`${choice % 16}K`) };
}

function rtc(): Fuzzed {
  const alarms = new Set<() => void>();
  const watch = (_at: bigint, reached: () => void) => {
    alarms.add(reached);
    return () => void alarms.delete(reached);
  };
  const utc = { type: VIRTIO_RTC_CLOCK_UTC, now: () => 1n, watch, cross: () => ({ reading: 1n, cycles: 2n }) };
  const device = new VirtioRtc([utc, { type: VIRTIO_RTC_CLOCK_MONOTONIC, now: () => 2n }], QUEUE_SIZE);
  return {
    device,
    happen() {
      for (const reached of [...alarms]) reached();
    },
  };
}

function rng({ loop }: DeviceWorld): Fuzzed {
  const limit = new RateLimit(loop, { ...UNLIMITED, bytesPerSecond: 1000 });
  return { device: new VirtioRng({ fill: (bytes) => void bytes.fill(7) }, limit, QUEUE_SIZE), happen() {} };
}

function pmem(): Fuzzed {
  let done: ((isDurable: boolean) => void) | undefined;
  const memory = {
    what: 'memory',
    pointer: 0n,
    size: 64 * KiB,
    readOnly: false,
    flush(now: (isDurable: boolean) => void) {
      assert(done === undefined, 'two flushes at once');
      done = now;
    },
    [Symbol.dispose]() {},
  };
  return {
    device: new VirtioPmem(memory, QUEUE_SIZE),
    happen(choice) {
      const call = done;
      done = undefined;
      call?.(choice % 2 === 0);
    },
  };
}

function checkInside(table: IovecTable, ram: GuestRam): void {
  const view = new DataView(table.bytes.buffer, table.bytes.byteOffset);
  for (let index = 0; index < table.count; index++) {
    const start = Number(view.getBigUint64(16 * index, true));
    const end = start + Number(view.getBigUint64(16 * index + 8, true));
    assert(start >= POINTER && end <= POINTER + ram.bytes.length, 'an iovec leaves guest RAM');
  }
}
