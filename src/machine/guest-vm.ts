/**
 * What KVM holds of a guest between two boots: the VM, its interrupt controller and its vCPUs. A reboot makes a new one;
 * memory, devices and threads stay (docs/architecture.md, "A reboot").
 */
import {
  KVM_ARM_VCPU_PVTIME_CTRL,
  KVM_ARM_VCPU_PVTIME_IPA,
  KVM_ARM_VCPU_SVE,
  KVM_CAP_ARM_MTE,
  KVM_CAP_ARM_NISV_TO_USER,
  KVM_CAP_COALESCED_MMIO,
  KVM_CAP_MAX_VCPUS,
  KVM_CAP_NR_VCPUS,
  KVM_MEM_READONLY,
  KVM_REG_ARM_PTIMER_CNT,
  KVM_REG_ARM_TIMER_CNT,
} from '../abi/kvm.ts';
import { bits } from '../base/bits.ts';
import { ConfigError } from '../base/errors.ts';
import { formatSize } from '../base/units.ts';
import type { EntryRegister } from '../boot/entry-state.ts';
import type { VmConfig } from '../config/schema.ts';
import { ALL_BUT_KICK_BLOCKED, NOTHING_BLOCKED } from '../host/signals.ts';
import { CoalescedRing } from '../kvm/coalesced-mmio.ts';
import * as registers from '../kvm/registers.ts';
import { IPA_BITS_DEFAULT, type Kvm } from '../kvm/system.ts';
import type { Vcpu } from '../kvm/vcpu.ts';
import { createGic, type Gic } from '../kvm/vgic.ts';
import type { Vm } from '../kvm/vm.ts';
import type { Slot, SlotSink } from '../memory/slots.ts';
import { type CpuFeatures, chooseFeatures, vcpuInit } from './cpu-features.ts';
import { gicAddresses, INTERRUPT_COUNT, ipaBitsFor, LAYOUT, mainMemory } from './layout.ts';
import { initPmu, setUpPmu } from './pmu.ts';

/** ID_AA64MMFR2_EL1.FWB (bits 43:40 of the register, 11:8 of its high half): stage 2 can force write-back. */
const FWB = bits(11, 8);
/** Bytes of one vCPU's stolen-time record (Arm DEN0057 §2.1.3). */
const STOLEN_TIME_BYTES = 64;

const ENTRY_REGISTERS: Record<EntryRegister, registers.RegisterId> = {
  x0: registers.x(0),
  x1: registers.x(1),
  x2: registers.x(2),
  x3: registers.x(3),
  pc: registers.PC,
  pstate: registers.PSTATE,
};

export class GuestVm implements Disposable, SlotSink {
  readonly vm: Vm;
  readonly vcpus: readonly Vcpu[];
  readonly gic: Gic;
  readonly features: CpuFeatures;
  readonly #resources = new DisposableStack();
  /** Ticks by which the guest's counters lag behind the host's; undefined on kernels before 6.4, which cannot set it. */
  #counterOffset: bigint | undefined;
  /** The guest's virtual counter when it was paused. */
  #pausedAt: bigint | undefined;

  constructor(kvm: Kvm, config: VmConfig) {
    const { cpus } = config;
    checkCpuCount(kvm, cpus.count);
    using resources = this.#resources;
    this.vm = resources.use(kvm.createVm(chooseIpaBits(kvm, config)));
    this.vm.enableCap(KVM_CAP_ARM_NISV_TO_USER);
    this.features = chooseFeatures(this.vm, cpus);
    if (this.features.mte) this.vm.enableCap(KVM_CAP_ARM_MTE);
    this.gic = resources.use(createGuestGic(this.vm, config));
    const preferred = this.vm.preferredTarget();
    this.vcpus = Array.from({ length: cpus.count }, (_, index) => {
      const vcpu = resources.use(this.vm.createVcpu(index));
      vcpu.init(vcpuInit(preferred, this.features, index));
      if (this.features.sve) vcpu.finalize(KVM_ARM_VCPU_SVE);
      vcpu.setSignalMask(index === 0 ? NOTHING_BLOCKED : ALL_BUT_KICK_BLOCKED);
      return vcpu;
    });
    for (const vcpu of this.vcpus) if (this.features.pmu) setUpPmu(vcpu, cpus.pin?.[vcpu.index]);
    this.gic.init();
    for (const vcpu of this.vcpus) if (this.features.pmu) initPmu(vcpu);
    this.#startCounters();
    this.#resources = resources.move();
  }

  /** Ticks by which the guest's counters lag behind the host's, where that is known. */
  get counterLag(): bigint | undefined {
    return this.#counterOffset;
  }

  get forcesWriteBack(): boolean {
    return forcesWriteBack(this.vcpus[0]!);
  }

  /** MPIDR_EL1 of each vCPU, as KVM chose it. */
  get mpidrs(): readonly number[] {
    return this.vcpus.map((vcpu) => Number(BigInt.asUintN(40, vcpu.getRegister(registers.MPIDR_EL1))));
  }

  /** Where KVM puts the writes that it coalesces; the same memory behind every vCPU. */
  coalescedRing(pageSize: number): CoalescedRing {
    const page = this.vm.checkExtension(KVM_CAP_COALESCED_MMIO);
    const { buffer } = this.vcpus[0]!.run;
    return new CoalescedRing(new DataView(buffer, page * pageSize, pageSize));
  }

  setSlot(number: number, slot: Slot): void {
    this.vm.setUserMemoryRegion(number, slot.readOnly ? KVM_MEM_READONLY : 0, slot.range, slot.pointer);
  }

  removeSlot(number: number, slot: Slot): void {
    this.vm.setUserMemoryRegion(number, 0, { base: slot.range.base, size: 0 }, slot.pointer);
  }

  /** Tells KVM where each vCPU's stolen time goes; the slot must be there. */
  placeStolenTime(): void {
    for (const vcpu of this.vcpus) {
      const base = BigInt(LAYOUT.stolenTime.base + vcpu.index * STOLEN_TIME_BYTES);
      const value = new Uint8Array(new BigUint64Array([base]).buffer);
      const attribute = { group: KVM_ARM_VCPU_PVTIME_CTRL, attr: KVM_ARM_VCPU_PVTIME_IPA };
      vcpu.setAttribute(attribute, value, `place the stolen time of vCPU ${vcpu.index}`);
    }
  }

  /** The state in which vCPU 0 enters the kernel. */
  setEntry(state: readonly (readonly [EntryRegister, bigint])[]): void {
    for (const [name, value] of state) this.vcpus[0]!.setRegister(ENTRY_REGISTERS[name], value);
  }

  /** Both counters start at 0 and lag by the same amount, so that a pause can stop both. */
  #startCounters(): void {
    const first = this.vcpus[0]!;
    const now = first.getRegister(KVM_REG_ARM_PTIMER_CNT);
    if (this.vm.setCounterOffset(now)) this.#counterOffset = now;
  }

  /** Remembers the virtual counter. All vCPUs are out of KVM_RUN. */
  pauseCounters(): void {
    this.#pausedAt = this.vcpus[0]!.getRegister(KVM_REG_ARM_TIMER_CNT);
  }

  /** Lets the counters go on from where they were, as if no time had passed. */
  resumeCounters(): void {
    const first = this.vcpus[0]!;
    if (this.#pausedAt === undefined) return;
    if (this.#counterOffset === undefined) {
      for (const vcpu of this.vcpus) vcpu.setRegister(KVM_REG_ARM_TIMER_CNT, this.#pausedAt);
    } else {
      this.#counterOffset += first.getRegister(KVM_REG_ARM_TIMER_CNT) - this.#pausedAt;
      this.vm.setCounterOffset(this.#counterOffset);
    }
    this.#pausedAt = undefined;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

/** Whether a read-only slot of cached memory shows the guest's device reads what we wrote last (docs, "Register pages"). */
export function forcesWriteBack(vcpu: Vcpu): boolean {
  return FWB.get(Number(vcpu.getRegister(registers.ID_AA64MMFR2_EL1) >> 32n)) > 0;
}

/** The interrupt controller that the config asks for; a ConfigError when this host has no such one. */
export function createGuestGic(vm: Vm, config: VmConfig): Gic {
  const { cpus, gic, its } = config;
  const created = createGic(vm, {
    version: gic === 'auto' ? 'auto' : gic === 'v3' ? 3 : 2,
    its: its !== 'off',
    interruptCount: INTERRUPT_COUNT,
    addresses: gicAddresses(cpus.count, mainMemory(config)),
  });
  if (its !== 'on' || created.hasIts) return created;
  created[Symbol.dispose]();
  const none = 'Cannot give the guest an ITS: this host has none for its interrupt controller: set its to auto';
  throw new ConfigError(none, { keyPath: 'its' });
}

/** More vCPUs than KVM takes is the config's fault, more than it recommends only slow. */
export function checkCpuCount(kvm: Kvm, count: number): void {
  const countMax = kvm.checkExtension(KVM_CAP_MAX_VCPUS) || kvm.checkExtension(KVM_CAP_NR_VCPUS);
  if (count > countMax) {
    throw new ConfigError(`Cannot create ${count} vCPUs: KVM on this host allows ${countMax}: lower cpus`, {
      keyPath: 'cpus.count',
    });
  }
}

/** As few address bits as the map needs, since each costs stage-2 tables, but not fewer than guests are used to. */
export function chooseIpaBits(kvm: Kvm, config: VmConfig): number {
  const ram = mainMemory(config);
  const needed = ipaBitsFor(config);
  const most = kvm.ipaBitsMax;
  if (needed > most) {
    throw new ConfigError(
      `Cannot give the guest ${formatSize(ram.size)} of memory: this host gives a guest ${most} address bits, ` +
        `${formatSize(2 ** most)} in all: give it less memory or a lower memory.base`,
      { keyPath: 'memory' },
    );
  }
  return Math.max(needed, Math.min(IPA_BITS_DEFAULT, most));
}
