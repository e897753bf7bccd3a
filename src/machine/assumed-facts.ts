/** What a guest's device tree would say where no VM can be made to ask: the facts of a host that has everything. */
import type { VmConfig } from '../config/schema.ts';
import { type GuestFacts, KASLR_SEED_BYTES, RNG_SEED_BYTES } from './guest-tree.ts';

export function assumedFacts({ cpus, gic, its }: VmConfig): GuestFacts {
  return {
    mpidrs: Array.from({ length: cpus.count }, (_, index) => mpidrOf(index)),
    gicVersion: gic === 'v2' ? 2 : 3,
    hasIts: gic !== 'v2' && its !== 'off',
    hasPmu: cpus.pmu !== 'off',
    isPciCoherent: true,
    initrd: undefined,
    rngSeed: new Uint8Array(RNG_SEED_BYTES),
    kaslrSeed: new Uint8Array(KASLR_SEED_BYTES),
  };
}

/** As KVM numbers vCPUs, so that a GICv3 SGI reaches 16 with one list: 4 bits Aff0, 8 bits Aff1, the rest Aff2. */
function mpidrOf(index: number): number {
  return (index % 16) + (Math.floor(index / 16) % 256) * 2 ** 8 + Math.floor(index / 4096) * 2 ** 16;
}
