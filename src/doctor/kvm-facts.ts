/** What this host's KVM can do, found out by asking it and by creating things in VMs that are thrown away. */
import {
  KVM_ARM_VCPU_SVE,
  KVM_CAP_ARM_EL2,
  KVM_CAP_COALESCED_MMIO,
  KVM_CAP_COUNTER_OFFSET,
  KVM_CAP_IOEVENTFD,
  KVM_CAP_IRQFD,
  KVM_CAP_MAX_VCPUS,
  KVM_CAP_NR_VCPUS,
  KVM_DEV_TYPE_ARM_VGIC_ITS,
  KVM_DEV_TYPE_ARM_VGIC_V2,
  KVM_DEV_TYPE_ARM_VGIC_V3,
  KVM_REG_ARM64_SVE_VLS,
} from '../abi/kvm.ts';
import { IPA_BITS_DEFAULT, type Kvm } from '../kvm/system.ts';
import type { Vm } from '../kvm/vm.ts';
import { type CpuFeatures, chooseFeatures, vcpuInit } from '../machine/cpu-features.ts';
import { forcesWriteBack } from '../machine/guest-vm.ts';

/** KVM_REG_ARM64_SVE_VLS: a bitmap of 512 vector lengths, bit n for (n + 1) × 128 bits (api.rst §4.68). */
const SVE_LENGTHS_BYTES = 64;
const SVE_QUADWORD_BITS = 128;

export interface KvmFacts {
  readonly ipaBitsMax: number;
  readonly gicV3: boolean;
  readonly gicV2: boolean;
  readonly its: boolean;
  readonly forcesWriteBack: boolean;
  readonly readOnlySlots: boolean;
  readonly features: CpuFeatures;
  /** The longest vector a guest can have, 0 without SVE. */
  readonly sveBitsMax: number;
  readonly nested: boolean;
  readonly counterOffset: boolean;
  readonly cpuCountMax: number;
  /** Host CPUs, beyond which vCPUs only compete. */
  readonly cpuCountRecommended: number;
  readonly coalescedMmio: boolean;
  readonly ioeventfd: boolean;
  readonly irqfd: boolean;
}

export function kvmFacts(kvm: Kvm): KvmFacts {
  const has = (capability: number) => kvm.checkExtension(capability) > 0;
  const cpuCountRecommended = kvm.checkExtension(KVM_CAP_NR_VCPUS);
  return {
    ipaBitsMax: kvm.ipaBitsMax,
    gicV3: createsAll(kvm, [KVM_DEV_TYPE_ARM_VGIC_V3]),
    gicV2: createsAll(kvm, [KVM_DEV_TYPE_ARM_VGIC_V2]),
    its: createsAll(kvm, [KVM_DEV_TYPE_ARM_VGIC_V3, KVM_DEV_TYPE_ARM_VGIC_ITS]),
    readOnlySlots: kvm.hasReadOnlySlots,
    nested: has(KVM_CAP_ARM_EL2),
    counterOffset: has(KVM_CAP_COUNTER_OFFSET),
    cpuCountMax: kvm.checkExtension(KVM_CAP_MAX_VCPUS) || cpuCountRecommended,
    cpuCountRecommended,
    coalescedMmio: has(KVM_CAP_COALESCED_MMIO),
    ioeventfd: has(KVM_CAP_IOEVENTFD),
    irqfd: has(KVM_CAP_IRQFD),
    ...vcpuFacts(kvm),
  };
}

/** What only a vCPU tells. */
function vcpuFacts(kvm: Kvm): Pick<KvmFacts, 'features' | 'forcesWriteBack' | 'sveBitsMax'> {
  using vm = scratchVm(kvm);
  const all = chooseFeatures(vm, { sve: 'auto', pauth: 'auto', pmu: 'auto', mte: 'auto', stolenTime: 'auto' });
  const none = { sve: false, pauth: false, pmu: false, mte: false, stolenTime: false };
  using vcpu = vm.createVcpu(0);
  vcpu.init(vcpuInit(vm.preferredTarget(), { ...none, sve: all.sve }, 0));
  let sveBitsMax = 0;
  if (all.sve) {
    sveBitsMax = longestVectorBits(vcpu.getWideRegister(KVM_REG_ARM64_SVE_VLS, SVE_LENGTHS_BYTES));
    vcpu.finalize(KVM_ARM_VCPU_SVE);
  }
  return { features: all, forcesWriteBack: forcesWriteBack(vcpu), sveBitsMax };
}

/** The longest vector in KVM_REG_ARM64_SVE_VLS. */
export function longestVectorBits(lengths: Uint8Array): number {
  const byte = lengths.findLastIndex((bits) => bits !== 0);
  return byte === -1 ? 0 : (byte * 8 + (32 - Math.clz32(lengths[byte]!))) * SVE_QUADWORD_BITS;
}

/** Whether a VM takes in-kernel devices of these types, each after the other. */
function createsAll(kvm: Kvm, types: readonly number[]): boolean {
  using devices = new DisposableStack();
  const vm = devices.use(scratchVm(kvm));
  return types.every((type) => {
    const device = vm.createDevice(type);
    if (device) devices.use(device);
    return device !== undefined;
  });
}

function scratchVm(kvm: Kvm): Vm {
  return kvm.createVm(Math.min(IPA_BITS_DEFAULT, kvm.ipaBitsMax));
}
