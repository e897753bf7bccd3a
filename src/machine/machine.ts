/**
 * A machine: memory, devices and threads that last, and a GuestVm that is replaced at every reboot. Its states and the
 * moves between them are here; what happens inside KVM_RUN is vcpu/processors.ts.
 */
import { assert } from '../base/assert.ts';
import { ConfigError } from '../base/errors.ts';
import { formatSize } from '../base/units.ts';
import { entryState } from '../boot/entry-state.ts';
import type { VmConfig } from '../config/schema.ts';
import type { DeviceDescription, DeviceSharing, MemoryReport } from '../control/protocol.ts';
import type { GuestEvent } from '../devices/pvpanic.ts';
import { writeDtb } from '../fdt/writer.ts';
import { pinThisThread } from '../host/affinity.ts';
import { EventLoopWatch } from '../host/event-loop.ts';
import { lend, Mapping } from '../host/mapping.ts';
import { memoryAreaAt } from '../host/memory-area.ts';
import { pageSize } from '../host/page-size.ts';
import { randomBytes } from '../host/random.ts';
import type { Signals } from '../host/signals.ts';
import { after, KickTimer } from '../host/timer.ts';
import { Kvm } from '../kvm/system.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { MemorySlots } from '../memory/slots.ts';
import { type Ending, Processors } from '../vcpu/processors.ts';
import { VcpuThread } from '../vcpu/vcpu-thread.ts';
import { Board } from './board.ts';
import { Coalescing } from './coalescing.ts';
import { ExitHandling, UART_DATA } from './exit-handling.ts';
import { Foundation } from './foundation.ts';
import { guestTree, KASLR_SEED_BYTES, RNG_SEED_BYTES } from './guest-tree.ts';
import { GuestVm } from './guest-vm.ts';
import type { HeadStart } from './head-start.ts';
import { ipaBitsFor, LAYOUT } from './layout.ts';
import {
  type ConsolePort,
  type MachineEnding,
  type MachineObserver,
  type MachineState,
  NEXT,
  type Reboot,
} from './lifecycle.ts';
import { RegisterPage, type RegisterPageHost } from './register-page.ts';
import { statistics } from './statistics.ts';
import type { VirtioDevices } from './virtio-devices.ts';

export class Machine implements Disposable {
  readonly config: VmConfig;
  readonly memory: GuestMemory;
  readonly #resources = new DisposableStack();
  readonly #observer: MachineObserver;
  readonly #kvm: Kvm;
  readonly #foundation: Foundation;
  /** Of kernel and initrd, into RAM. */
  #loading: Promise<void> | undefined;
  readonly #signals: Signals;
  readonly #loop: EventLoopWatch;
  readonly #slots: MemorySlots;
  readonly #board: Board;
  readonly #coalescing: Coalescing;
  readonly #threads: readonly VcpuThread[];
  readonly #console: ConsolePort;
  readonly #virtio: VirtioDevices | undefined;
  /** Where registers are read without leaving the guest. */
  readonly #pageHost: RegisterPageHost | undefined;
  #state: MachineState = 'created';
  #guest: GuestVm | undefined;
  #processors: Processors | undefined;
  #exitHandling: ExitHandling | undefined;
  /** What was asked for from outside while the guest runs; the run loop acts on it. */
  #wanted: MachineEnding | Reboot | undefined;
  /** Ends a wait of the run loop: the machine was resumed, or something is wanted. */
  #wake: (() => void) | undefined;
  #boots = 0;

  /** Opens KVM, maps memory, recognises the images: whatever can be wrong before the guest runs is found here. */
  static async create(
    config: VmConfig,
    start: HeadStart,
    console: ConsolePort,
    observer: MachineObserver,
  ): Promise<Machine> {
    const foundation = await Foundation.lay(config, start, (message) => observer.warning(message));
    return new Machine(config, foundation, console, observer);
  }

  private constructor(config: VmConfig, foundation: Foundation, console: ConsolePort, observer: MachineObserver) {
    using resources = new DisposableStack();
    this.#foundation = resources.use(foundation);
    this.#loading = foundation.load();
    this.config = config;
    this.memory = foundation.memory;
    this.#signals = foundation.signals;
    this.#virtio = foundation.virtio;
    this.#console = console;
    this.#observer = observer;
    this.#kvm = resources.use(Kvm.open());
    const page = pageSize();
    this.#loop = resources.use(new EventLoopWatch(this.#signals));
    this.#virtio?.onFailure(() => {
      this.#wake?.();
      this.#signals.kick();
    });
    const ipaBits = ipaBitsFor(config);
    this.#slots = new MemorySlots({ pageSize: page, ipaBits: Math.max(ipaBits, 40) });
    const { pointer } = this.memory.regions[0]!;
    this.#slots.add({ kind: 'ram', name: 'RAM', range: config.memory, pointer, readOnly: false });
    this.#board = this.#createBoard();
    const timer = resources.use(new KickTimer(this.#signals));
    this.#coalescing = new Coalescing(UART_DATA, timer, this.#board.uart);
    this.#guest = new GuestVm(this.#kvm, config);
    resources.defer(() => this.#guest?.[Symbol.dispose]());
    if (this.#guest.gic.version === 2) this.#board.attachV2m();
    const { registerPages } = config;
    if (registerPages === 'on' || (registerPages === 'auto' && this.#kvm.hasReadOnlySlots)) {
      this.#pageHost = { slots: this.#slots, isCoherent: this.#guest.forcesWriteBack };
      const uartPage = resources.use(new RegisterPage(this.#board.uart.name, LAYOUT.pl011, page));
      uartPage.show(this.#pageHost);
      this.#board.uart.attachPage(uartPage);
    }
    if (this.#guest.features.stolenTime) {
      const range = LAYOUT.stolenTime;
      const { pointer } = resources.use(Mapping.create(range.size, { what: 'stolen time' }));
      this.#slots.add({ kind: 'shm', name: 'stolen time', range, pointer, readOnly: false });
    }
    this.#threads = Array.from({ length: config.cpus.count - 1 }, () => resources.use(new VcpuThread(this.#signals)));
    if (config.cpus.pin) this.#pin(config.cpus.pin);
    this.#resources = resources.move();
  }

  get state(): MachineState {
    return this.#state;
  }

  get boots(): number {
    return this.#boots;
  }

  /** Returns from KVM_RUN since the last boot. */
  get exits(): number {
    return this.#processors?.exitCounts.reduce((sum, count) => sum + count, 0) ?? 0;
  }

  /** What vCPUs and queues have counted. */
  stats(): ReturnType<typeof statistics> {
    return statistics({ vcpus: this.#guest?.vcpus ?? [], processors: this.#processors, virtio: this.#virtio });
  }

  /** The virtio devices, and what can be asked of them. */
  get devices(): readonly DeviceDescription[] {
    return this.#virtio?.describe() ?? [];
  }

  /** Which back-end sees what. */
  async sharing(): Promise<readonly DeviceSharing[]> {
    return this.#virtio?.sharing() ?? [];
  }

  /** What each memory slot is to the guest, and who else has it. */
  async explainMemory(): Promise<MemoryReport> {
    const { explainMemory } = await import('./explain-memory.ts');
    const sharing = await this.sharing();
    const forcesWriteBack = this.#guest?.forcesWriteBack ?? false;
    return explainMemory({ slots: this.#slots.slots, forcesWriteBack, sharing, areaAt: memoryAreaAt });
  }

  /** Has a virtio device do something; the answer is for the user. */
  act(device: string, action: string, value: string | undefined): Promise<string> {
    if (this.#virtio) return this.#virtio.act(device, action, value);
    throw new ConfigError(`There is no device "${device}": this VM has none`);
  }

  /** Input for the guest's serial port: how many bytes it took. */
  receive(bytes: Uint8Array): number {
    return this.#board.uart.receive(bytes);
  }

  /** Boots, and runs until the guest, or somebody outside, ends it. */
  async run(): Promise<MachineEnding> {
    await this.#boot();
    this.#move('running');
    try {
      for (;;) {
        const ending = await this.#runGuest();
        if (ending.kind !== 'reboot') return ending;
        await this.#reboot(ending.by);
      }
    } finally {
      this.#park();
      this.#board.bus.summarizeUnknownAccesses();
      this.#move('stopped');
    }
  }

  pause(): void {
    this.#move('paused');
    this.#park();
    this.#virtio?.pause();
    this.#guest?.pauseCounters();
  }

  resume(): void {
    this.#guest?.resumeCounters();
    this.#virtio?.setCounterLag(this.#guest?.counterLag);
    this.#virtio?.resume();
    this.#move('running');
    this.#processors?.start();
    this.#wake?.();
  }

  pressPowerKey(): void {
    this.#board.powerKey.press();
  }

  requestReboot(): void {
    this.#want({ kind: 'reboot', by: 'control' });
    if (this.#state === 'paused') this.resume();
  }

  requestStop(): void {
    this.#want({ kind: 'stopped' });
  }

  /** The console's reader is slow: the run loop looks at the console before it lets the guest go on. */
  hold(): void {
    this.#signals.kick();
  }

  /** One stay of the guest between boots: until it ends or somebody wants something. */
  async #runGuest(): Promise<MachineEnding | Reboot> {
    for (;;) {
      if (this.#loop.isDue) await this.#loop.turn();
      if (this.#virtio?.failure) throw this.#virtio.failure;
      while (this.#state === 'paused' && !this.#wanted) await this.#waitFor();
      while (this.#console.isFull && !this.#wanted) await this.#waitFor(this.#console.room());
      if (this.#wanted) return this.#takeWanted();
      const ending = this.#processors!.run(() => {
        this.#coalescing.tick();
        return (
          this.#loop.isDue || this.#wanted !== undefined || this.#console.isFull || this.#virtio?.failure !== undefined
        );
      });
      if (ending) return this.#judge(ending);
    }
  }

  #takeWanted(): MachineEnding | Reboot {
    const wanted = this.#wanted!;
    this.#wanted = undefined;
    return wanted;
  }

  #judge(ending: Ending): MachineEnding | Reboot {
    if (ending.kind === 'reset' && this.config.onReboot === 'reboot') return { kind: 'reboot', by: 'guest' };
    return ending;
  }

  /** Leaves the thread to the event loop until `event`, or until `#wake` is called. */
  async #waitFor(event?: Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      void event?.then(resolve);
    });
    this.#wake = undefined;
  }

  /** What the run loop shall do next. A stop is never overtaken by a reboot. */
  #want(wanted: MachineEnding | Reboot): void {
    if (this.#wanted === undefined || this.#wanted.kind === 'reboot') this.#wanted = wanted;
    this.#wake?.();
    this.#signals.kick();
  }

  /** Places kernel, initrd and a device tree with new seeds, and sets vCPU 0 to the kernel's entry. */
  async #boot(): Promise<void> {
    const guest = this.#guest!;
    this.#slots.attach(guest);
    if (guest.features.stolenTime) guest.placeStolenTime();
    this.#coalescing.attach(guest.vm, guest.coalescedRing(pageSize()));
    this.#loading ??= this.#foundation.load();
    if (++this.#boots === 1) await this.#placeVirtio();
    this.#virtio?.attach(guest.vm, guest.gic);
    this.#virtio?.setCounterLag(guest.counterLag);
    const { placement } = this.#foundation.images;
    const tree = await guestTree(this.config, {
      mpidrs: guest.mpidrs,
      gicVersion: guest.gic.version,
      hasIts: guest.gic.hasIts,
      hasPmu: guest.features.pmu,
      isPciCoherent: !this.#foundation.passing?.sign.isIncoherent,
      initrd: placement.initrd,
      rngSeed: randomBytes(RNG_SEED_BYTES),
      kaslrSeed: randomBytes(KASLR_SEED_BYTES),
    });
    const dtb = writeDtb(tree);
    if (dtb.length > placement.dtb.size) {
      throw new ConfigError(
        `Cannot boot with this device tree: it has ${formatSize(dtb.length)}, and ${formatSize(placement.dtb.size)} is what kernels map: make the overlays smaller`,
        { keyPath: 'overlays' },
      );
    }
    await lend(this.memory.pointer(placement.dtb.base, dtb.length), dtb.length, (target) => target.set(dtb));
    await this.#loading;
    this.#loading = undefined;
    guest.setEntry(entryState(placement.entry, placement.dtb.base));
    const world = { signals: this.#signals, board: this.#board, slots: this.#slots, coalescing: this.#coalescing };
    const log = (message: string) => this.#observer.warning(message);
    const options = { undecodedPolicy: this.config.nisv, hasSve: guest.features.sve, log };
    this.#exitHandling ??= this.#resources.use(new ExitHandling({ ...world, ...options }));
    this.#processors = new Processors(guest.vcpus, this.#threads, this.#exitHandling);
    this.#processors.start();
  }

  /** The I/O threads have made their devices while we did the rest. */
  async #placeVirtio(): Promise<void> {
    await this.#virtio?.place(this.#board.bus, this.#slots);
    if (this.#pageHost) this.#virtio?.showPages(this.#pageHost);
  }

  /** A new VM on the same memory, devices and threads. */
  async #reboot(by: 'guest' | 'control'): Promise<void> {
    this.#park();
    this.#coalescing.detach();
    this.#slots.detach();
    this.#virtio?.detach();
    this.#processors = undefined;
    this.#guest?.[Symbol.dispose]();
    this.#guest = undefined;
    this.#board.reset();
    this.#virtio?.reset();
    this.#guest = new GuestVm(this.#kvm, this.config);
    await this.#boot();
    this.#observer.rebooted(this.#boots, by);
  }

  /** The main thread runs vCPU 0. */
  #pin([first, ...others]: readonly number[]): void {
    if (first !== undefined) pinThisThread(first);
    others.forEach((cpu, index) => {
      this.#threads[index]?.pin(cpu);
    });
  }

  #park(): void {
    this.#processors?.park();
    this.#board.uart.flush();
  }

  #createBoard(): Board {
    return new Board({
      hasScratch: this.config.scratchDevice,
      console: { write: (bytes) => this.#console.write(bytes) },
      onConsoleSpace: () => this.#console.resume(),
      onGuestEvent: (event) => this.#guestEvent(event),
      setSpiLevel: (spi, level) => this.#guest?.vm.setSpiLevel(spi, level),
      log: (message) => this.#observer.warning(message),
      timer: { after },
      clock: {
        nowSeconds: () => Math.floor(Date.now() / 1000),
        alarm: (atSeconds, fire) => after(Math.max(0, atSeconds * 1000 - Date.now()), fire),
      },
    });
  }

  #guestEvent(event: GuestEvent): void {
    this.#observer.guestEvent(event);
    if (event !== 'panicked') return;
    if (this.config.onPanic === 'exit') this.#want({ kind: 'panic' });
    if (this.config.onPanic === 'reboot') this.#want({ kind: 'reboot', by: 'guest' });
  }

  #move(to: MachineState): void {
    const from = this.#state;
    assert(NEXT[from].includes(to), `the machine cannot go from ${from} to ${to}`);
    this.#state = to;
    this.#observer.stateChanged(from, to);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
