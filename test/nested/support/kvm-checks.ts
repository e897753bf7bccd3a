/**
 * src/host and src/kvm against a real Arm kernel, where no unit test can run: each check makes what it needs, asserts, and
 * says `PASS name` or `FAIL name: why`. `node kvm-checks.mjs 2|3` for the GIC of the host; kvm.test.ts reads the lines.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import {
  KVM_ARM_VCPU_PSCI_0_2,
  KVM_CAP_COALESCED_MMIO,
  KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
  KVM_DEV_TYPE_ARM_VGIC_V2,
  KVM_DEV_TYPE_ARM_VGIC_V3,
  KVM_EXIT_MMIO,
  kvm_vcpu_init,
} from '../../../src/abi/kvm.ts';
import { F_GET_SEALS, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE, O_RDONLY } from '../../../src/abi/libc.ts';
import { packInto } from '../../../src/base/layout.ts';
import { EventFd } from '../../../src/host/eventfd.ts';
import { Fd } from '../../../src/host/fd.ts';
import * as libc from '../../../src/host/libc.ts';
import { createMemfd, Mapping, RAM_ALIGNMENT } from '../../../src/host/mapping.ts';
import { NativeThread } from '../../../src/host/native-thread.ts';
import { pageSize } from '../../../src/host/page-size.ts';
import { ALL_BUT_KICK_BLOCKED, NOTHING_BLOCKED, Signals } from '../../../src/host/signals.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import { CoalescedRing } from '../../../src/kvm/coalesced-mmio.ts';
import { getAttribute, setAttribute } from '../../../src/kvm/device.ts';
import { ExitReader } from '../../../src/kvm/exit.ts';
import { MPIDR_EL1, PC, PSTATE, x } from '../../../src/kvm/registers.ts';
import { RoutingTable } from '../../../src/kvm/routing-table.ts';
import { Kvm } from '../../../src/kvm/system.ts';
import type { Vcpu } from '../../../src/kvm/vcpu.ts';
import { createGic } from '../../../src/kvm/vgic.ts';
import type { Vm } from '../../../src/kvm/vm.ts';
import { VcpuThread } from '../../../src/vcpu/vcpu-thread.ts';

const gicVersion = process.argv[2] === '2' ? 2 : 3;
const IPA_BITS = 36;
const RAM = { base: 0x4000_0000, size: RAM_ALIGNMENT };
const DOORBELL = 0x0a00_0000;
const COALESCED = 0x0900_0000;
const EXITING = 0x0b00_0000;
const ADDRESSES = {
  distributor: 0x0800_0000,
  cpuInterface: 0x0801_0000,
  redistributors: [{ base: 0x080a_0000, count: 2 }],
  its: 0x0808_0000,
};
/** EL1h, all exceptions masked (Arm DDI 0487 §C5.2.18). */
const PSTATE_EL1H_MASKED = 0x3c5n;
const THREAD_ROUNDS = 200;
/** Long enough for a guest to get to its third instruction. */
const TIME_INSIDE_MS = 500;
const KICK_ROUNDS = 100;

const CHECKS: Readonly<Record<string, (signals: Signals) => void>> = {
  'a mapping is aligned, zero, and gone after disposal'() {
    const mapping = Mapping.create(3 * pageSize(), { what: 'a test', alignment: RAM_ALIGNMENT });
    assert.equal(mapping.pointer % BigInt(RAM_ALIGNMENT), 0n);
    assert.equal(
      mapping.bytes.findIndex((byte) => byte !== 0),
      -1,
    );
    mapping[Symbol.dispose]();
    assert.equal(mapping.bytes.length, 0);
    assert(!readFileSync('/proc/self/maps', 'utf8').includes(mapping.pointer.toString(16).padStart(8, '0')));
  },

  'two mappings of one memfd show the same bytes'() {
    using fd = createMemfd('test', pageSize());
    using one = Mapping.create(pageSize(), { what: 'a test', fd });
    using other = Mapping.create(pageSize(), { what: 'a test', fd });
    one.bytes[5] = 77;
    assert.equal(other.bytes[5], 77);
  },

  'a memfd is sealed against growing and shrinking, not against writing'() {
    using fd = createMemfd('test', pageSize());
    const seals = libc.fcntl(fd.number, F_GET_SEALS, 0);
    assert.equal(seals, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    assert.equal(seals & F_SEAL_WRITE, 0);
    assert.equal(libc.ftruncate(fd.number, 2 * pageSize()), -1);
    assert.equal(libc.ftruncate(fd.number, 0), -1);
  },

  'an eventfd counts'() {
    using event = EventFd.create();
    assert.equal(event.take(), 0n);
    event.signal();
    event.signal();
    assert.equal(event.take(), 2n);
    assert.equal(event.take(), 0n);
  },

  'a socket carries file descriptors'() {
    using here = new DisposableStack();
    const [left, right] = UnixSocket.pair();
    here.use(left);
    here.use(right);
    using event = EventFd.create();
    using file = Fd.open('/proc/self/comm', O_RDONLY);
    left.send(new Uint8Array([1, 2, 3]), [event, file]);
    const { bytes, fds } = right.receiveExactly(3, 2);
    for (const fd of fds) here.use(fd);
    assert.deepEqual([...bytes], [1, 2, 3]);
    assert.equal(fds.length, 2);
    here.use(new EventFd(fds[0]!.number)).signal();
    assert.equal(event.take(), 1n);
  },

  'a register that is set is read back'() {
    using guest = new Guest();
    guest.vcpu.setRegister(x(7), 0x0123_4567_89ab_cdefn);
    assert.equal(guest.vcpu.getRegister(x(7)), 0x0123_4567_89ab_cdefn);
    assert.equal(guest.vcpu.getRegister(MPIDR_EL1) & 0xffn, 0n);
  },

  'an irqfd raises its SPI'() {
    using guest = new Guest();
    using event = EventFd.create();
    guest.makeEdge(9);
    guest.vm.addIrqfd(event, 9);
    assert(!guest.isPending(9));
    event.signal();
    assert(within(1_000, () => guest.isPending(9)));
    guest.vm.removeIrqfd(event, 9);
  },

  'a line that is raised makes its SPI pending'() {
    using guest = new Guest();
    guest.makeEdge(4);
    guest.vm.setSpiLevel(4, 1);
    assert(guest.isPending(4));
    assert(!guest.isPending(5));
  },

  'a route leads an irqfd to another SPI'() {
    using guest = new Guest();
    using event = EventFd.create();
    guest.makeEdge(11);
    guest.vm.setGsiRouting(new RoutingTable([{ kind: 'spi', gsi: 3, spi: 11 }]));
    guest.vm.addIrqfd(event, 3);
    event.signal();
    assert(within(1_000, () => guest.isPending(11)));
    assert(!guest.isPending(3));
  },

  'a route may be a message, with a device id where there is an ITS'() {
    using guest = new Guest();
    const its = gicVersion === 3 ? { deviceId: 8 } : {};
    const message = { kind: 'msi', gsi: 100, address: BigInt(ADDRESSES.its + 0x1_0040), data: 1, ...its } as const;
    guest.vm.setGsiRouting(new RoutingTable([{ kind: 'spi', gsi: 0, spi: 0 }, message]));
    using event = EventFd.create();
    guest.vm.addIrqfd(event, 100);
    // Nothing is mapped to it in the guest: it goes nowhere, and breaks nothing.
    event.signal();
    guest.vm.removeIrqfd(event, 100);
  },

  'a doorbell, coalesced writes and an exit each get where they belong'() {
    using guest = new Guest();
    using event = EventFd.create();
    using other = EventFd.create();
    guest.vm.addIoeventfd(event, DOORBELL, 4, 7);
    guest.vm.addIoeventfd(other, DOORBELL, 4, 8);
    guest.vm.registerCoalescedMmio({ base: COALESCED, size: 4 });
    guest.load([
      movz(1, 7),
      str(1, DOORBELL_REGISTER),
      movz(2, 65),
      str(2, COALESCED_REGISTER),
      str(1, COALESCED_REGISTER),
    ]);
    guest.runToExit();
    const exit = new ExitReader(guest.vcpu.run.view);
    assert.equal(exit.reason, KVM_EXIT_MMIO);
    assert.deepEqual([exit.mmioAddress, exit.mmioIsWrite, exit.mmioLength, exit.mmioValue(4)], [EXITING, true, 4, 7]);
    assert.deepEqual([event.take(), other.take()], [1n, 0n]);
    assert.deepEqual(guest.drain(), [
      [COALESCED, 4, 65],
      [COALESCED, 4, 7],
    ]);
    assert.deepEqual(guest.drain(), []);
    guest.vm.removeIoeventfd(event, DOORBELL, 4, 7);
    guest.vm.unregisterCoalescedMmio({ base: COALESCED, size: 4 });
  },

  'a removed doorbell exits again'() {
    using guest = new Guest();
    using event = EventFd.create();
    guest.vm.addIoeventfd(event, DOORBELL, 4, 7);
    guest.vm.removeIoeventfd(event, DOORBELL, 4, 7);
    guest.load([movz(1, 7), str(1, DOORBELL_REGISTER)]);
    guest.runToExit();
    assert.equal(new ExitReader(guest.vcpu.run.view).mmioAddress, DOORBELL);
    assert.equal(event.take(), 0n);
  },

  'statistics count the exits'() {
    using guest = new Guest();
    using vcpu = guest.vcpu.openStats();
    using vm = guest.vm.openStats();
    assert(vcpu && vm);
    const before = vcpu.read()['mmio_exit_user'];
    guest.load([]);
    guest.runToExit();
    assert.equal(vcpu.read()['mmio_exit_user'], before! + 1n);
    assert('remote_tlb_flush' in vm.read());
  },

  'a vCPU thread is kicked out of a guest that never exits, again and again'(signals) {
    using guest = new Guest({ mask: ALL_BUT_KICK_BLOCKED });
    guest.load([B_SELF]);
    using thread = new VcpuThread(signals);
    thread.assign(guest.vcpu);
    for (let round = 0; round < KICK_ROUNDS; round++) {
      thread.proceed();
      thread.kick();
      assert(comesBack(thread, signals), `round ${round}`);
    }
    // On a busy host every kick so far may have come before the guest's first instruction.
    thread.proceed();
    signals.wait(TIME_INSIDE_MS);
    thread.kick();
    assert(comesBack(thread, signals), 'the last round');
    assert.equal(guest.vcpu.getRegister(PC), BigInt(RAM.base + SETUP.length * 4));
  },

  'native threads leave no thread, descriptor or mapping'(signals) {
    const round = () => {
      using thread = new NativeThread([{ name: 'getpid', words: [] }], signals, { waiting: true });
      thread.proceed();
      assert(comesBack(thread, signals));
    };
    for (let warm = 0; warm < 10; warm++) round();
    const before = usage();
    for (let count = 0; count < THREAD_ROUNDS; count++) round();
    // The C library keeps the stacks of some ended threads, of more where one CPU has to end them; a leak has one a round.
    const after = usage();
    assert.deepEqual([after.threads, after.fds], [before.threads, before.fds]);
    assert(
      Math.abs(after.mappings - before.mappings) < THREAD_ROUNDS / 2,
      `${before.mappings} → ${after.mappings} mappings`,
    );
  },

  'VMs leave no descriptor or mapping'(signals) {
    signals.consume();
    const round = () => {
      using guest = new Guest();
      guest.load([]);
      guest.runToExit();
    };
    round();
    const before = usage();
    for (let count = 0; count < 20; count++) round();
    const after = usage();
    assert.deepEqual([after.threads, after.fds], [before.threads, before.fds]);
    assert(Math.abs(after.mappings - before.mappings) < 10, `${before.mappings} → ${after.mappings} mappings`);
  },
};

/** A64 instructions (Arm DDI 0487 §C6.2), 32-bit registers for values. */
const movz = (register: number, value: number) => 0x5280_0000 | (value << 5) | register;
const movzHigh = (register: number, value: number) => (0xd2a0_0000 | (value << 5) | register) >>> 0;
const str = (register: number, address: number) => (0xb900_0000 | (address << 5) | register) >>> 0;
const B_SELF = 0x1400_0000;
const DOORBELL_REGISTER = 10;
const COALESCED_REGISTER = 11;
const EXITING_REGISTER = 12;
const SETUP = [
  movzHigh(DOORBELL_REGISTER, DOORBELL >>> 16),
  movzHigh(COALESCED_REGISTER, COALESCED >>> 16),
  movzHigh(EXITING_REGISTER, EXITING >>> 16),
];

/** A VM with one vCPU, an interrupt controller and 2 MiB of RAM. */
class Guest implements Disposable {
  readonly vm: Vm;
  readonly vcpu: Vcpu;
  readonly #resources = new DisposableStack();
  readonly #ram: Mapping;
  readonly #ring: CoalescedRing;
  readonly #distributor: Fd;

  constructor({ mask = NOTHING_BLOCKED } = {}) {
    const kvm = this.#resources.use(Kvm.open());
    this.#ram = this.#resources.use(Mapping.create(RAM.size, { what: 'a test', alignment: RAM_ALIGNMENT }));
    this.vm = this.#resources.use(kvm.createVm(IPA_BITS));
    this.vm.setUserMemoryRegion(0, 0, RAM, this.#ram.pointer);
    // The device's fd is the only way to look at its registers.
    let distributor: Fd | undefined;
    const createDevice = this.vm.createDevice.bind(this.vm);
    this.vm.createDevice = (type) => {
      const device = createDevice(type);
      if (type === KVM_DEV_TYPE_ARM_VGIC_V3 || type === KVM_DEV_TYPE_ARM_VGIC_V2) distributor = device?.fd;
      return device;
    };
    const options = {
      its: true,
      interruptCount: 64,
      addresses: { ...ADDRESSES, redistributors: [{ base: 0x080a_0000, count: 1 }] },
    };
    const gic = this.#resources.use(createGic(this.vm, { version: 'auto', ...options }));
    assert.equal(gic.version, gicVersion);
    assert.equal(gic.hasIts, gicVersion === 3);
    this.#distributor = distributor!;
    const init = this.vm.preferredTarget();
    packInto(init, kvm_vcpu_init, { features: new Uint8Array(new Uint32Array([1 << KVM_ARM_VCPU_PSCI_0_2]).buffer) });
    this.vcpu = this.#resources.use(this.vm.createVcpu(0));
    this.vcpu.init(init);
    this.vcpu.setSignalMask(mask);
    gic.init();
    const page = this.vm.checkExtension(KVM_CAP_COALESCED_MMIO);
    this.#ring = new CoalescedRing(new DataView(this.vcpu.run.buffer, page * pageSize(), pageSize()));
  }

  /** Puts a program into RAM; at its end it writes w1 to EXITING. */
  load(program: readonly number[]): void {
    new Uint32Array(this.#ram.buffer).set([...SETUP, ...program, str(1, EXITING_REGISTER), B_SELF]);
    this.vcpu.setRegister(PC, BigInt(RAM.base));
    this.vcpu.setRegister(PSTATE, PSTATE_EL1H_MASKED);
  }

  runToExit(): void {
    assert.equal(this.vcpu.enter(), 0);
  }

  drain(): [number, number, number][] {
    const writes: [number, number, number][] = [];
    this.#ring.drain((...write) => writes.push(write));
    return writes;
  }

  /** GICD_ICFGRn, two bits an interrupt (IHI 0069 §12.9.9): 0b10 for edge. */
  makeEdge(spi: number): void {
    const offset = 0xc00 + 4 * Math.floor((32 + spi) / 16);
    const attribute = { group: KVM_DEV_ARM_VGIC_GRP_DIST_REGS, attr: offset };
    const value = new Uint8Array(new Uint32Array([2 << (2 * ((32 + spi) % 16))]).buffer);
    setAttribute(this.#distributor, attribute, value, 'make an interrupt edge-triggered');
  }

  /** GICD_ISPENDRn (IHI 0069 §12.9.31). */
  isPending(spi: number): boolean {
    const offset = 0x200 + 4 * Math.floor((32 + spi) / 32);
    const attribute = { group: KVM_DEV_ARM_VGIC_GRP_DIST_REGS, attr: offset };
    const value = getAttribute(this.#distributor, attribute, 4, 'read which interrupts are pending');
    return ((new DataView(value.buffer).getUint32(0, true) >>> ((32 + spi) % 32)) & 1) === 1;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

function usage(): { threads: number; fds: number; mappings: number } {
  return {
    threads: readdirSync('/proc/self/task').length,
    fds: readdirSync('/proc/self/fd').length,
    mappings: readFileSync('/proc/self/maps', 'utf8').split('\n').length,
  };
}

/** Whether the thread waits for us within some seconds; its kick wakes us. */
function comesBack(thread: { readonly waits: boolean }, signals: Signals): boolean {
  return within(5_000, () => {
    if (!thread.waits) signals.wait(10);
    return thread.waits;
  });
}

function within(timeoutMs: number, condition: () => boolean): boolean {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) if (performance.now() > deadline) return false;
  return true;
}

using signals = new Signals();
for (const [name, check] of Object.entries(CHECKS)) {
  try {
    check(signals);
    writeSync(1, `PASS ${name}\n`);
  } catch (error) {
    writeSync(1, `FAIL ${name}: ${(error as Error).stack?.replaceAll('\n', ' | ')}\n`);
  }
}
