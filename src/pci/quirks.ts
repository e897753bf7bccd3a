/**
 * Machines whose PCI Express does not treat writes, or coherency, as a guest expects it, and what is done about it. A row is
 * known by its host bridge or root port, its SoC id, or its device tree: never by the CPU's MIDR, which many machines share.
 */
import type { BarPolicy } from './bar-policy.ts';

export interface QuirkMatch {
  /** "vendor:device" of the host bridge or of a root port, four hexadecimal digits each; `*` stands for any digit. */
  readonly bridges?: readonly string[];
  /** As /sys/devices/soc0/soc_id says it: "jep106:0a16:0001". */
  readonly socIds?: readonly string[];
  /** `compatible` of the machine or of the PCI controller in the host's device tree. */
  readonly compatibles?: readonly string[];
}

/** What a guest with a device of such a machine is shown, so that a kernel that knows the machine does what it has to. */
export interface GuestSign {
  /** "vendor:device" that the guest's host bridge bears while one of the device's BARs is `direct`. */
  readonly bridge?: string | undefined;
  /** DMA does not see the caches: the guest's device tree does not say `dma-coherent` of PCI. */
  readonly isIncoherent?: boolean | undefined;
}

export interface Quirk {
  readonly id: string;
  /** What the machine is called. */
  readonly hardware: string;
  readonly match: QuirkMatch;
  /** What is wrong, as a sentence. */
  readonly problem: string;
  /** What is done where the config says nothing. */
  readonly policy: BarPolicy;
  /** What else is safe, best first. */
  readonly choices: readonly BarPolicy[];
  /** Under which condition even that is right which is not safe. */
  readonly exception?: string;
  readonly guest?: GuestSign;
  /** What else holds for a device there. */
  readonly note?: string;
  readonly source: string;
}

const NC_TO_NGNRE = 'the guest command line mair_el1_nc_to_ngnre=1 where its kernel has that (NVIDIA kernels)';

export const QUIRKS: readonly Quirk[] = [
  {
    id: 'altra-pcie-65',
    hardware: 'Ampere Altra and Altra Max',
    match: { bridges: ['1def:e100'], socIds: ['jep106:0a16:0001', 'jep106:0a16:0002'] },
    problem: 'the root ports may put combined writes of Normal non-cacheable memory at wrong addresses',
    policy: 'refuse',
    choices: ['device+emulate', 'ro-direct', 'trap'],
    exception: `direct is right with a guest kernel that has ALTRA_ERRATUM_82288, or with ${NC_TO_NGNRE}`,
    guest: { bridge: '1def:e100' },
    note: 'a guest kernel with ALTRA_ERRATUM_82288 takes all below 0x80000000 for PCI: set memory.base to 0x80000000',
    source: 'erratum 82288 / PCIE_65; Linux patches 20240827130829.43632-1-alex.bennee@linaro.org',
  },
  {
    id: 'bcm2711-writes',
    hardware: 'Raspberry Pi 4 and Compute Module 4 (BCM2711)',
    match: { bridges: ['14e4:2711'], compatibles: ['brcm,bcm2711', 'brcm,bcm2711-pcie'] },
    problem: 'long runs of writes to a BAR that is mapped as Normal memory hang the bus, and with it the board',
    policy: 'device+emulate',
    choices: ['ro-direct', 'trap', 'device'],
    note: 'outbound accesses have 32 bits at most',
    source: 'github.com/raspberrypi/linux issue 4928',
  },
  {
    id: 'bcm2712-plain',
    hardware: 'Raspberry Pi 5 (BCM2712)',
    match: { bridges: ['14e4:2712'], compatibles: ['brcm,bcm2712', 'brcm,bcm2712-pcie'] },
    problem:
      'unaligned accesses fault where the guest maps a BAR as a device, as on every Arm machine; writes may be combined',
    policy: 'direct',
    choices: ['ro-direct', 'trap', 'device+emulate'],
    source: 'github.com/raspberrypi/linux pull request 6947',
  },
  {
    id: 'rk35xx-coherency',
    hardware: 'Rockchip RK3566, RK3568 and RK3588',
    match: {
      compatibles: [
        ...['rockchip,rk3566', 'rockchip,rk3568', 'rockchip,rk3588', 'rockchip,rk3588s'],
        ...['rockchip,rk3566-pcie', 'rockchip,rk3568-pcie', 'rockchip,rk3588-pcie'],
      ],
    },
    problem: 'DMA of PCI devices does not see the caches of the CPUs, and writes to BARs are not combined',
    policy: 'refuse',
    choices: ['device+emulate', 'ro-direct', 'trap'],
    exception: 'any of them is right only for a guest whose driver keeps caches by itself, as the device tree tells it',
    guest: { isIncoherent: true },
    source: 'github.com/NVIDIA/open-gpu-kernel-modules issue 972; Linux ROCKCHIP_ERRATUM_3588001',
  },
  {
    id: 'lx2160a-writes',
    hardware: 'NXP LX2160A (SolidRun HoneyComb)',
    match: { compatibles: ['fsl,lx2160a', 'fsl,lx2160a-pcie'] },
    problem: 'it is reported to need the workarounds of Ampere Altra',
    policy: 'ro-direct',
    choices: ['device+emulate', 'trap'],
    source: 'reports with graphics cards; no erratum is published',
  },
  {
    id: 'synquacer-msi',
    hardware: 'Socionext SynQuacer (DeveloperBox)',
    match: { compatibles: ['socionext,developer-box', 'socionext,synquacer-pcie-ecam'] },
    problem: 'its interrupt controller cannot tell devices apart, so VFIO refuses them; BARs behave',
    policy: 'direct',
    choices: ['ro-direct', 'trap'],
    note: 'VFIO needs vfio_iommu_type1.allow_unsafe_interrupts=1 on the host: a guest can then send any interrupt of it',
    source: 'Linux drivers/irqchip/irq-gic-v3-its.c, socionext,synquacer-pre-its',
  },
  {
    id: 'armada8k-ecam',
    hardware: 'Marvell Armada 8K (MacchiatoBin)',
    match: { compatibles: ['marvell,armada8040', 'marvell,armada8k-pcie-ecam'] },
    problem: 'configuration space shows devices many times, which the host hides; BARs behave',
    policy: 'direct',
    choices: ['ro-direct', 'trap'],
    source: 'Linux drivers/pci/controller/pci-host-generic.c, pci_dw_valid_device',
  },
];
