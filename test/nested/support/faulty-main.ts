/**
 * orko-vmm with one bug in it, for ways-out.test.ts: `node faulty-main.mjs run CONFIG` with FAULT=… in the environment.
 * Where the bug is, and what sets it off, is said at each.
 */
import { writeSync } from 'node:fs';
import { Coalescing } from '../../../src/machine/coalescing.ts';
import { Machine } from '../../../src/machine/machine.ts';

const STDERR = 2;

/** Says when, in the host's milliseconds, and throws. */
const fail = (): never => {
  writeSync(STDERR, `FAULT ${Date.now()}\n`);
  throw new Error('thrown on purpose');
};

const FAULTS: Readonly<Record<string, () => void | Promise<void>>> = {
  none() {},
  /** In the run loop, at a return from KVM_RUN: the process gets SIGUSR2 twice. */
  exit() {
    process.on('SIGUSR2', () => {
      Coalescing.prototype.drain = fail;
    });
  },
  /** In a callback of koffi's poll: a key is pressed. */
  input() {
    Machine.prototype.receive = fail;
  },
  /** In a callback of libuv: the process gets SIGUSR2. */
  signal() {
    process.on('SIGUSR2', fail);
  },
  /** A promise that nobody waits for, rejected from a callback of libuv: the process gets SIGUSR2. */
  rejection() {
    process.on('SIGUSR2', () => void Promise.resolve().then(fail));
  },
  /** In a request of the control socket: `ctl NAME pause`. */
  control() {
    Machine.prototype.pause = fail;
  },
  /** In an I/O thread: the process gets SIGUSR2. */
  async io() {
    const { IoThread } = await import('../../../src/io/io-thread.ts');
    const { add } = IoThread.prototype;
    IoThread.prototype.add = function (device) {
      process.on('SIGUSR2', () => {
        writeSync(STDERR, `FAULT ${Date.now()}\n`);
        // There is no such device.
        this.post({ kind: 'reset', device: -1 });
      });
      add.call(this, device);
    };
  },
};

await FAULTS[process.env['FAULT'] ?? 'none']!();
await import('../../../src/main.ts');
