/** The state of a device of ours through a pipe, over a real socket: saved, loaded, refused; and kept while no ring runs. */
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { virtio_blk_config } from '../../../src/abi/virtio-blk.ts';
import type { Fd } from '../../../src/host/fd.ts';
import { createPipe, readSome, writeSome } from '../../../src/host/pipe.ts';
import type { UnixSocket } from '../../../src/host/unix-socket.ts';
import { FRONT_END, HEADER_BYTES } from '../../../src/vhost-user/message.ts';
import { STATE_LOAD, STATE_PHASE_STOPPED, STATE_SAVE } from '../../../src/vhost-user/payload.ts';
import * as protocol from '../../../src/vhost-user/protocol-features.ts';
import type { Body, FRONT_END_REQUESTS } from '../../../src/vhost-user/requests.ts';
import { features } from '../../../src/virtio/features.ts';
import { ExportRig, FrontEndRig } from '../../support/back-end-rig.ts';
import { openFdCount } from '../../support/session-rig.ts';

const BLK = { queueCount: 1, configSize: 60 };
const WCE = virtio_blk_config.fields.wce.offset;
const PHASE = STATE_PHASE_STOPPED;
const BYTES_MAX = 64 * 1024;

let fdCount: number;
let disk: string;
let rig: ExportRig | undefined;
beforeEach(() => {
  fdCount = openFdCount();
  disk = join(tmpdir(), `orko-state-${process.pid}.img`);
  writeFileSync(disk, new Uint8Array(BYTES_MAX));
});
afterEach(() => {
  rig?.[Symbol.dispose]();
  rig = undefined;
  rmSync(disk);
  expect(openFdCount()).toBe(fdCount);
});

/** A front-end that moves states. */
class Mover implements Disposable {
  readonly #host: ExportRig;
  readonly #socket: UnixSocket;

  constructor(host: ExportRig) {
    this.#host = host;
    this.#socket = host.connect();
    this.#send('SET_PROTOCOL_FEATURES', features(protocol.VHOST_USER_PROTOCOL_F_DEVICE_STATE));
  }

  save(): Uint8Array | undefined {
    const { reader, writer } = createPipe();
    using _ = reader;
    this.#begin(STATE_SAVE, writer);
    reader.setBlocking(false);
    const bytes = readSome(reader, BYTES_MAX);
    return this.check() === 0n ? bytes : undefined;
  }

  /** The answer to CHECK_DEVICE_STATE. */
  load(state: Uint8Array): bigint {
    const { reader, writer } = createPipe();
    {
      using _ = writer;
      this.#begin(STATE_LOAD, reader);
      writer.setBlocking(false);
      for (let done = 0; done < state.length; ) {
        done += writeSome(writer, state.subarray(done)) ?? 0;
        this.#host.loop.turn();
      }
    }
    return this.check();
  }

  check(): bigint {
    this.#send('CHECK_DEVICE_STATE', undefined);
    return this.#answer();
  }

  #begin(direction: number, theirs: Fd): void {
    using _ = theirs;
    this.#send('SET_DEVICE_STATE_FD', { direction, phase: PHASE }, [theirs]);
    expect(this.#answer()).toBe(0x100n);
  }

  #send<Name extends keyof typeof FRONT_END_REQUESTS>(
    name: Name,
    body: Body<typeof FRONT_END_REQUESTS, Name>,
    fds: readonly Fd[] = [],
  ): void {
    this.#socket.send(FRONT_END.encodeRequest(name, body), fds);
  }

  #answer(): bigint {
    const bytes = this.#host.got(() => this.#socket.receive(HEADER_BYTES + 8, 0)?.bytes, 'an answer');
    return new BigUint64Array(bytes.slice(HEADER_BYTES).buffer)[0]!;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    this.#host.until(() => this.#host.ended !== undefined, 'the end');
  }
}

test('saved, and loaded into the next device; a connection that ends takes it along', async () => {
  rig = await ExportRig.create('blk', { path: disk });
  {
    using front = new FrontEndRig(rig, BLK);
    front.connect(rig.connect());
    front.writeConfig(WCE, Uint8Array.of(0));
    front.vanish();
    rig.until(() => rig!.ended !== undefined, 'the end');
  }
  let state: Uint8Array;
  {
    using mover = new Mover(rig);
    rig.exported.writeConfig(WCE, Uint8Array.of(0));
    state = mover.save()!;
    expect(state).toHaveLength(13);
  }
  expect(rig.exported.config[WCE]).toBe(1);
  using mover = new Mover(rig);
  expect(mover.load(state)).toBe(0n);
  expect(rig.exported.config[WCE]).toBe(0);
  expect(mover.save()).toEqual(state);
  expect(rig.messages).toEqual([]);
});

test.each([
  ['nothing', () => new Uint8Array(), 'it has 0 bytes, less than begin any'],
  ['noise', () => new Uint8Array(100).fill(0xa5), 'it is not one of orko-vmm'],
  ['more than a pipe holds', () => new Uint8Array(3 * BYTES_MAX), `it has more than ${BYTES_MAX} bytes`],
  ['another version', (state: Uint8Array) => state.with(4, 9), 'its layout is version 9, and 1 is known here'],
  [
    'another device',
    (state: Uint8Array) => state.with(6, 17),
    'it is that of a device with the id 17, and this one has 2',
  ],
  ['one that was cut', (state: Uint8Array) => state.subarray(0, 12), 'it has 0 bytes where it says 1'],
  ['one that cannot be', (state: Uint8Array) => state.with(12, 2), 'the state of a disk is one byte, 0 or 1'],
])('%s is refused, said, and changes nothing', async (_, spoil, why) => {
  rig = await ExportRig.create('blk', { path: disk });
  using mover = new Mover(rig);
  const state = mover.save()!;
  let status = 0n;
  // Whoever is refused in the middle writes into a pipe that nobody reads.
  try {
    status = mover.load(spoil(state));
  } catch {
    status = mover.check();
  }
  expect(status).toBe(1n);
  expect(rig.messages).toEqual([`Cannot take over the state that the front-end gives: ${why}`]);
  expect(mover.save()).toEqual(state);
});

test('nothing was moved: CHECK_DEVICE_STATE says so', async () => {
  rig = await ExportRig.create('blk', { path: disk });
  using mover = new Mover(rig);
  expect(mover.check()).toBe(1n);
});

test('rings that stop and go on are no reset, where the front-end has a word for one', async () => {
  rig = await ExportRig.create('blk', { path: disk });
  using front = new FrontEndRig(rig, BLK);
  front.connect(rig.connect());
  front.layOut();
  front.start();
  expect(front.writeConfig(WCE, Uint8Array.of(0))![WCE]).toBe(0);
  rig.exported.stopRing(0);
  expect(rig.exported.config[WCE]).toBe(0);
  rig.exported.reset();
  expect(rig.exported.config[WCE]).toBe(1);
});
