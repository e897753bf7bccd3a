/**
 * What memory type a guest's access has in the end: stage 1 is the guest's word, stage 2 is KVM's, which it takes from what is
 * mapped behind a slot (Linux arch/arm64/kvm/mmu.c, user_mem_abort; Arm DDI 0487 §D8.6, combining stages).
 */

export type Stage2 = 'Normal-WB' | 'Normal-NC' | 'Device-nGnRE';

/** What guests ask for: memory, a window with write combining (ioremap_wc), registers (ioremap). */
export const STAGE1 = ['Normal-WB', 'Normal-NC', 'Device-nGnRE'] as const;
export type Stage1 = (typeof STAGE1)[number];

/** What is mapped behind a slot. */
export interface Backing {
  /** The file, empty for anonymous memory. */
  readonly path: string;
  /** Page frames of no ordinary memory. */
  readonly isPfnMap: boolean;
}

/** What KVM makes of it: of frames of a device vfio-pci's are combined, all others are not. */
export function stage2Of({ path, isPfnMap }: Backing): Stage2 {
  // A dma-buf's frames are ordinary memory.
  if (!isPfnMap || /dma-?buf/.test(path)) return 'Normal-WB';
  return /vfio-device/.test(path) ? 'Normal-NC' : 'Device-nGnRE';
}

/** Without FEAT_S2FWB the stricter of the two counts; with it stage 2 dictates, save that a device stays one under Normal-NC. */
export function combine(stage1: Stage1, stage2: Stage2, forcesWriteBack: boolean): Stage2 {
  if (forcesWriteBack && stage2 !== 'Normal-NC') return stage2;
  return STAGE1.indexOf(stage1) > STAGE1.indexOf(stage2) ? stage1 : stage2;
}
