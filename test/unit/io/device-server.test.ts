/** `orko-vmm backend` as a process: one that listens, ones that are given a socket, and a disk that is killed at work. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VIRTIO_F_VERSION_1 } from '../../../src/abi/virtio.ts';
import { VIRTIO_BLK_T_OUT, virtio_blk_outhdr } from '../../../src/abi/virtio-blk.ts';
import { pack } from '../../../src/base/layout.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import { EpollLoop } from '../../../src/io/io-loop.ts';
import { hasFeature } from '../../../src/virtio/features.ts';
import { FrontEndRig } from '../../support/back-end-rig.ts';

const MAIN = resolve(import.meta.dirname, '../../../src/main.ts');
const WAIT_MS = 20_000;
const SECTOR = 512;
const SECTORS = 512;
const IN_FLIGHT = 5;
const KILLS = 3;
/** Writes between two kills. */
const WRITES = 200;

/** A loop of the test's. */
class Host implements Disposable {
  readonly loop = new EpollLoop();

  until(condition: () => boolean, what: string): void {
    const deadline = performance.now() + WAIT_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
      const cancel = this.loop.after(1, () => {});
      this.loop.turn();
      cancel();
    }
  }

  [Symbol.dispose](): void {
    this.loop[Symbol.dispose]();
  }
}

let folder: string;
let host: Host;
let children: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orko-server-'));
  host = new Host();
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  host[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

function start(words: readonly string[], fds: readonly number[] = []): ChildProcess {
  const child = spawn(process.execPath, [MAIN, 'backend', ...words], {
    stdio: ['ignore', 'ignore', 'inherit', ...fds],
  });
  children.push(child);
  return child;
}

function connect(path: string): UnixSocket {
  const found: UnixSocket[] = [];
  // A name is there a moment before anybody listens.
  const isThere = () => {
    const result = UnixSocket.connectNow(path);
    if (result instanceof UnixSocket) found.push(result);
    return found.length > 0;
  };
  host.until(isThere, 'its socket');
  return found[0]!;
}

test('a disk is killed again and again with requests in flight: all of them are done, and once', async () => {
  const [path, disk] = [join(folder, 'disk.sock'), join(folder, 'disk')];
  writeFileSync(disk, new Uint8Array(SECTORS * SECTOR));
  const expected = new Uint8Array(SECTORS);
  using front = new FrontEndRig(host, { queueCount: 1, configSize: 60 });
  const [queue] = front.layOut();
  /** The sector of each request that is under way; where another writes nobody may write. */
  const busy = new Map<number, number>();
  let written = 0;
  const submit = () => {
    let sector = written % SECTORS;
    while ([...busy.values()].includes(sector)) sector = (sector + 1) % SECTORS;
    const byte = 1 + (written++ % 255);
    expected[sector] = byte;
    const header = pack(virtio_blk_outhdr, { type: VIRTIO_BLK_T_OUT, sector: BigInt(sector) });
    const buffer = queue!.add({ readable: [header, new Uint8Array(SECTOR).fill(byte)], writable: [1] });
    busy.set(buffer.id, sector);
  };
  const collect = () => {
    for (let done = queue!.take(); done; done = queue!.take()) {
      expect(done.written()).toEqual(Uint8Array.of(0));
      expect(busy.delete(done.id)).toBe(true);
    }
  };
  for (let life = 0; life <= KILLS; life++) {
    const child = start(['blk', '--socket-path', path, '--path', disk]);
    front.connect(connect(path));
    front.start({ bases: [front.usedIndex(0)] });
    const until = written + WRITES;
    while (written < until) {
      collect();
      while (busy.size < IN_FLIGHT) submit();
      front.kick(0);
    }
    const isDone = () => {
      collect();
      return busy.size === 0;
    };
    if (life === KILLS) host.until(isDone, 'the last of them');
    front.vanish();
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    rmSync(path, { force: true });
  }
  expect([...readFileSync(disk)].filter((_, index) => index % SECTOR === 0)).toEqual([...expected]);
}, 60_000);

test('a socket that is connected already: it ends with the connection', async () => {
  const [ours, theirs] = UnixSocket.pair('a test');
  const child = start(['rng', '--fd', '3'], [theirs.number]);
  theirs[Symbol.dispose]();
  const ended = once(child, 'exit');
  {
    using front = new FrontEndRig(host, { queueCount: 1, configSize: 0 });
    expect(hasFeature(front.connect(ours)!.features, VIRTIO_F_VERSION_1)).toBe(true);
  }
  expect(await ended).toEqual([0, null]);
}, 30_000);

test('a socket that listens: SIGTERM ends it, whoever is connected', async () => {
  const path = join(folder, 'rng.sock');
  const listening = UnixSocket.listen(path);
  const child = start(['rng', '--fd', '3'], [listening.number]);
  listening[Symbol.dispose]();
  using front = new FrontEndRig(host, { queueCount: 1, configSize: 0 });
  front.connect(connect(path));
  front.layOut();
  front.start();
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
}, 30_000);
