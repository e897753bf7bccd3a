/** A device that another process serves, as its I/O thread has it, with scripted back-ends at a real socket. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VIRTIO_F_VERSION_1 } from '../../src/abi/virtio.ts';
import { parseConfig } from '../../src/config/parse.ts';
import { EventFd } from '../../src/host/eventfd.ts';
import { createMemfd, Mapping } from '../../src/host/mapping.ts';
import { UnixSocket } from '../../src/host/unix-socket.ts';
import type { HostedDevice } from '../../src/io/hosted-device.ts';
import { EpollLoop } from '../../src/io/io-loop.ts';
import type { DeviceKeys, DeviceReport } from '../../src/io/protocol.ts';
import { createServed } from '../../src/io/served-device.ts';
import { GuestMemory } from '../../src/memory/guest-memory.ts';
import { features } from '../../src/virtio/features.ts';
import { type Script, ScriptedBackEnd } from './scripted-back-end.ts';
import { RAM_BASE, RAM_SIZE } from './session-rig.ts';

export const WAIT_MS = 5_000;
export const DRIVER = features(VIRTIO_F_VERSION_1);
export const RING = { index: 0, size: 8, desc: RAM_BASE, driver: RAM_BASE + 0x1000, device: RAM_BASE + 0x2000 };

/** Reports without the number of their device. */
type Report = DeviceReport extends infer One ? (One extends unknown ? Omit<One, 'device'> : never) : never;

export class ServedRig implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'orko-served-'));
  readonly path = join(this.folder, 'back-end.sock');
  readonly loop = new EpollLoop();
  readonly reports: Report[] = [];
  readonly irq = EventFd.create();
  readonly registers = Mapping.create(4096, { what: 'the registers of a test' });
  readonly ram: Mapping;
  readonly backEnds: ScriptedBackEnd[] = [];
  readonly #memory: GuestMemory;
  readonly #resources = new DisposableStack();
  device: HostedDevice | undefined;

  constructor() {
    for (const resource of [this.loop, this.irq, this.registers]) this.#resources.use(resource);
    const fd = this.#resources.use(createMemfd('test', RAM_SIZE));
    this.ram = this.#resources.use(Mapping.create(RAM_SIZE, { what: 'a test', fd }));
    const { buffer, pointer } = this.ram;
    this.#memory = new GuestMemory([{ range: { base: RAM_BASE, size: RAM_SIZE }, buffer, pointer, fd: fd.number }]);
    this.#resources.defer(() => rmSync(this.folder, { recursive: true }));
  }

  /** As the config has it, `PATH` for the socket's. */
  create(yaml: string, { strict = false } = {}): void {
    const text = `name: a\nkernel: Image\ndevices: { dev: ${yaml.replace('PATH', this.path)} }`;
    const config = parseConfig(text, { file: 'a.yaml', directory: '/', resolvePath: (path) => path });
    const status = strict ? this.registers.pointer : undefined;
    const interrupts = { kind: 'one', irq: this.irq.number, status } as const;
    const keys = config.devices['dev'] as DeviceKeys;
    this.device = this.#resources.use(
      createServed(
        { kind: 'create', device: 0, name: 'dev', keys, memory: undefined, interrupts },
        {
          loop: this.loop,
          memory: this.#memory,
          guestCounter: () => undefined,
          tell: (report) => {
            this.reports.push(report as Report);
            // As the main thread does once KVM has the new ones.
            if (report.kind === 'rewire') this.loop.defer(() => this.device!.rewired());
          },
        },
      ),
    );
  }

  /** A back-end listens; each connection gets `script`. */
  listen(script: Script = {}, configSize = 0): void {
    const socket = this.#resources.use(UnixSocket.listen(this.path));
    this.#resources.use(
      this.loop.watch(socket.number, { readable: true }, () => {
        const connection = socket.accept();
        if (!connection) return;
        const backEnd = this.#resources.use(new ScriptedBackEnd(connection, this.loop, script));
        backEnd.config = new Uint8Array(configSize);
        this.backEnds.push(backEnd);
      }),
    );
  }

  heard(name: string): Report & Record<string, unknown> {
    const find = () => this.reports.find(({ kind }) => kind === name);
    this.until(() => find() !== undefined, name);
    return find() as Report & Record<string, unknown>;
  }

  get backEnd(): ScriptedBackEnd {
    return this.backEnds.at(-1)!;
  }

  until(condition: () => boolean, what: string): void {
    const deadline = performance.now() + WAIT_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}: ${describe(this.reports)}`);
      const cancel = this.loop.after(1, () => {});
      this.loop.turn();
      cancel();
    }
  }

  activate(generation = 1): void {
    this.device!.activate([RING], DRIVER, generation);
    this.until(() => this.backEnd.heard.includes('SET_VRING_ENABLE'), 'the ring');
  }

  reset(): void {
    let isDone = false;
    this.device!.reset(() => {
      isDone = true;
    });
    this.until(() => isDone, 'the reset');
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

function describe(reports: readonly Report[]): string {
  return JSON.stringify(reports, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}
