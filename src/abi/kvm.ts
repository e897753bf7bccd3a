/**
 * KVM's ioctls, exits, registers and device attributes: linux/kvm.h and asm/kvm.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, s16, s32, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const KVM_NR_SPSR = 5;
export const PSR_MODE_EL0t = 0;
export const PSR_MODE_EL1t = 4;
export const PSR_MODE_EL1h = 5;
export const PSR_MODE_EL2t = 8;
export const PSR_MODE_EL2h = 9;
export const PSR_MODE_EL3t = 0xc;
export const PSR_MODE_EL3h = 0xd;
export const PSR_MODE_MASK = 0xf;
export const PSR_MODE32_BIT = 0x10;
export const PSR_F_BIT = 0x40;
export const PSR_I_BIT = 0x80;
export const PSR_A_BIT = 0x100;
export const PSR_D_BIT = 0x200;
export const PSR_BTYPE_MASK = 0xc00;
export const PSR_SSBS_BIT = 0x1000;
export const PSR_PAN_BIT = 0x400000;
export const PSR_UAO_BIT = 0x800000;
export const PSR_DIT_BIT = 0x1000000;
export const PSR_TCO_BIT = 0x2000000;
export const PSR_V_BIT = 0x10000000;
export const PSR_C_BIT = 0x20000000;
export const PSR_Z_BIT = 0x40000000;
export const PSR_N_BIT = 0x80000000;
export const PSR_BTYPE_SHIFT = 10;
export const PSR_f = 0xff000000;
export const PSR_s = 0xff0000;
export const PSR_x = 0xff00;
export const PSR_c = 0xff;
export const PSR_BTYPE_NONE = 0;
export const PSR_BTYPE_JC = 0x400;
export const PSR_BTYPE_C = 0x800;
export const PSR_BTYPE_J = 0xc00;
export const KVM_COALESCED_MMIO_PAGE_OFFSET = 1;
export const KVM_DIRTY_LOG_PAGE_OFFSET = 64;
export const KVM_ARM_TARGET_AEM_V8 = 0;
export const KVM_ARM_TARGET_FOUNDATION_V8 = 1;
export const KVM_ARM_TARGET_CORTEX_A57 = 2;
export const KVM_ARM_TARGET_XGENE_POTENZA = 3;
export const KVM_ARM_TARGET_CORTEX_A53 = 4;
export const KVM_ARM_TARGET_GENERIC_V8 = 5;
export const KVM_ARM_NUM_TARGETS = 6;
export const KVM_ARM_DEVICE_TYPE_SHIFT = 0;
export const KVM_ARM_DEVICE_ID_SHIFT = 16;
export const KVM_ARM_DEVICE_VGIC_V2 = 0;
export const KVM_VGIC_V2_ADDR_TYPE_DIST = 0;
export const KVM_VGIC_V2_ADDR_TYPE_CPU = 1;
export const KVM_VGIC_V2_DIST_SIZE = 0x1000;
export const KVM_VGIC_V2_CPU_SIZE = 0x2000;
export const KVM_VGIC_V3_ADDR_TYPE_DIST = 2;
export const KVM_VGIC_V3_ADDR_TYPE_REDIST = 3;
export const KVM_VGIC_ITS_ADDR_TYPE = 4;
export const KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION = 5;
export const KVM_ARM_VCPU_POWER_OFF = 0;
export const KVM_ARM_VCPU_EL1_32BIT = 1;
export const KVM_ARM_VCPU_PSCI_0_2 = 2;
export const KVM_ARM_VCPU_PMU_V3 = 3;
export const KVM_ARM_VCPU_SVE = 4;
export const KVM_ARM_VCPU_PTRAUTH_ADDRESS = 5;
export const KVM_ARM_VCPU_PTRAUTH_GENERIC = 6;
export const KVM_ARM_VCPU_HAS_EL2 = 7;
export const KVM_ARM_VCPU_HAS_EL2_E2H0 = 8;
export const KVM_ARM_VCPU_PMU_V3_STRICT = 9;
export const KVM_ARM_MAX_DBG_REGS = 16;
export const KVM_DEBUG_ARCH_HSR_HIGH_VALID = 1;
export const KVM_GUESTDBG_USE_SW_BP = 0x10000;
export const KVM_GUESTDBG_USE_HW = 0x20000;
export const KVM_ARM_DEV_EL1_VTIMER = 1;
export const KVM_ARM_DEV_EL1_PTIMER = 2;
export const KVM_ARM_DEV_PMU = 4;
export const KVM_PMU_EVENT_ALLOW = 0;
export const KVM_PMU_EVENT_DENY = 1;
export const KVM_ARM_TAGS_TO_GUEST = 0;
export const KVM_ARM_TAGS_FROM_GUEST = 1;
export const KVM_REG_ARM_COPROC_MASK = 0xfff0000;
export const KVM_REG_ARM_COPROC_SHIFT = 16;
export const KVM_REG_ARM_CORE = 0x100000;
export const KVM_REG_ARM_DEMUX = 0x110000;
export const KVM_REG_ARM_DEMUX_ID_MASK = 0xff00;
export const KVM_REG_ARM_DEMUX_ID_SHIFT = 8;
export const KVM_REG_ARM_DEMUX_ID_CCSIDR = 0;
export const KVM_REG_ARM_DEMUX_VAL_MASK = 0xff;
export const KVM_REG_ARM_DEMUX_VAL_SHIFT = 0;
export const KVM_REG_ARM64_SYSREG = 0x130000;
export const KVM_REG_ARM64_SYSREG_OP0_MASK = 0xc000;
export const KVM_REG_ARM64_SYSREG_OP0_SHIFT = 14;
export const KVM_REG_ARM64_SYSREG_OP1_MASK = 0x3800;
export const KVM_REG_ARM64_SYSREG_OP1_SHIFT = 11;
export const KVM_REG_ARM64_SYSREG_CRN_MASK = 0x780;
export const KVM_REG_ARM64_SYSREG_CRN_SHIFT = 7;
export const KVM_REG_ARM64_SYSREG_CRM_MASK = 0x78;
export const KVM_REG_ARM64_SYSREG_CRM_SHIFT = 3;
export const KVM_REG_ARM64_SYSREG_OP2_MASK = 7;
export const KVM_REG_ARM64_SYSREG_OP2_SHIFT = 0;
export const KVM_REG_ARM_PTIMER_CTL = 0x603000000013df11n;
export const KVM_REG_ARM_PTIMER_CVAL = 0x603000000013df12n;
export const KVM_REG_ARM_PTIMER_CNT = 0x603000000013df01n;
export const KVM_REG_ARM_TIMER_CTL = 0x603000000013df19n;
export const KVM_REG_ARM_TIMER_CVAL = 0x603000000013df02n;
export const KVM_REG_ARM_TIMER_CNT = 0x603000000013df1an;
export const KVM_REG_ARM_FW = 0x140000;
export const KVM_REG_ARM_PSCI_VERSION = 0x6030000000140000n;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1 = 0x6030000000140001n;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_NOT_AVAIL = 0;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_AVAIL = 1;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_NOT_REQUIRED = 2;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2 = 0x6030000000140002n;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_AVAIL = 0;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_UNKNOWN = 1;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_AVAIL = 2;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_REQUIRED = 3;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_ENABLED = 0x10;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3 = 0x6030000000140003n;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3_NOT_AVAIL = 0;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3_AVAIL = 1;
export const KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3_NOT_REQUIRED = 2;
export const KVM_REG_ARM64_SVE = 0x150000;
export const KVM_REG_ARM64_SVE_ZREG_BASE = 0;
export const KVM_REG_ARM64_SVE_PREG_BASE = 0x400;
export const KVM_REG_ARM64_SVE_FFR_BASE = 0x600;
export const KVM_ARM64_SVE_NUM_ZREGS = 32;
export const KVM_ARM64_SVE_NUM_PREGS = 16;
export const KVM_ARM64_SVE_MAX_SLICES = 32;
export const KVM_ARM64_SVE_VQ_MIN = 1;
export const KVM_ARM64_SVE_VQ_MAX = 512;
export const KVM_REG_ARM64_SVE_VLS = 0x606000000015ffffn;
export const KVM_ARM64_SVE_VLS_WORDS = 8;
export const KVM_REG_ARM_FW_FEAT_BMAP = 0x160000;
export const KVM_REG_ARM_STD_BMAP = 0x6030000000160000n;
export const KVM_REG_ARM_STD_HYP_BMAP = 0x6030000000160001n;
export const KVM_REG_ARM_VENDOR_HYP_BMAP = 0x6030000000160002n;
export const KVM_REG_ARM_VENDOR_HYP_BMAP_2 = 0x6030000000160003n;
export const KVM_ARM_VM_SMCCC_CTRL = 0;
export const KVM_ARM_VM_SMCCC_FILTER = 0;
export const KVM_DEV_ARM_VGIC_GRP_ADDR = 0;
export const KVM_DEV_ARM_VGIC_GRP_DIST_REGS = 1;
export const KVM_DEV_ARM_VGIC_GRP_CPU_REGS = 2;
export const KVM_DEV_ARM_VGIC_CPUID_SHIFT = 32;
export const KVM_DEV_ARM_VGIC_CPUID_MASK = 0xff00000000;
export const KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT = 32;
export const KVM_DEV_ARM_VGIC_V3_MPIDR_MASK = 0xffffffff00000000n;
export const KVM_DEV_ARM_VGIC_OFFSET_SHIFT = 0;
export const KVM_DEV_ARM_VGIC_OFFSET_MASK = 0xffffffff;
export const KVM_DEV_ARM_VGIC_SYSREG_INSTR_MASK = 0xffff;
export const KVM_DEV_ARM_VGIC_GRP_NR_IRQS = 3;
export const KVM_DEV_ARM_VGIC_GRP_CTRL = 4;
export const KVM_DEV_ARM_VGIC_GRP_REDIST_REGS = 5;
export const KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS = 6;
export const KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO = 7;
export const KVM_DEV_ARM_VGIC_GRP_ITS_REGS = 8;
export const KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ = 9;
export const KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT = 10;
export const KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_MASK = 0xfffffc00;
export const KVM_DEV_ARM_VGIC_LINE_LEVEL_INTID_MASK = 0x3ff;
export const KVM_DEV_ARM_VGIC_CTRL_INIT = 0;
export const KVM_DEV_ARM_ITS_SAVE_TABLES = 1;
export const KVM_DEV_ARM_ITS_RESTORE_TABLES = 2;
export const KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES = 3;
export const KVM_DEV_ARM_ITS_CTRL_RESET = 4;
export const KVM_DEV_ARM_VGIC_USERSPACE_PPIS = 5;
export const KVM_ARM_VCPU_PMU_V3_CTRL = 0;
export const KVM_ARM_VCPU_PMU_V3_IRQ = 0;
export const KVM_ARM_VCPU_PMU_V3_INIT = 1;
export const KVM_ARM_VCPU_PMU_V3_FILTER = 2;
export const KVM_ARM_VCPU_PMU_V3_SET_PMU = 3;
export const KVM_ARM_VCPU_PMU_V3_SET_NR_COUNTERS = 4;
export const KVM_ARM_VCPU_TIMER_CTRL = 1;
export const KVM_ARM_VCPU_TIMER_IRQ_VTIMER = 0;
export const KVM_ARM_VCPU_TIMER_IRQ_PTIMER = 1;
export const KVM_ARM_VCPU_TIMER_IRQ_HVTIMER = 2;
export const KVM_ARM_VCPU_TIMER_IRQ_HPTIMER = 3;
export const KVM_ARM_VCPU_PVTIME_CTRL = 2;
export const KVM_ARM_VCPU_PVTIME_IPA = 0;
export const KVM_ARM_IRQ_VCPU2_SHIFT = 28;
export const KVM_ARM_IRQ_VCPU2_MASK = 0xf;
export const KVM_ARM_IRQ_TYPE_SHIFT = 24;
export const KVM_ARM_IRQ_TYPE_MASK = 0xf;
export const KVM_ARM_IRQ_VCPU_SHIFT = 16;
export const KVM_ARM_IRQ_VCPU_MASK = 0xff;
export const KVM_ARM_IRQ_NUM_SHIFT = 0;
export const KVM_ARM_IRQ_NUM_MASK = 0xffff;
export const KVM_ARM_IRQ_TYPE_CPU = 0;
export const KVM_ARM_IRQ_TYPE_SPI = 1;
export const KVM_ARM_IRQ_TYPE_PPI = 2;
export const KVM_ARM_IRQ_CPU_IRQ = 0;
export const KVM_ARM_IRQ_CPU_FIQ = 1;
export const KVM_ARM_IRQ_GIC_MAX = 127;
export const KVM_NR_IRQCHIPS = 1;
export const KVM_PSCI_FN_BASE = 0x95c1ba5e;
export const KVM_PSCI_FN_CPU_SUSPEND = 0x95c1ba5e;
export const KVM_PSCI_FN_CPU_OFF = 0x95c1ba5f;
export const KVM_PSCI_FN_CPU_ON = 0x95c1ba60;
export const KVM_PSCI_FN_MIGRATE = 0x95c1ba61;
export const KVM_PSCI_RET_SUCCESS = 0;
export const KVM_PSCI_RET_NI = -1;
export const KVM_PSCI_RET_INVAL = -2;
export const KVM_PSCI_RET_DENIED = -3;
export const KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2 = 1;
export const KVM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2 = 1;
export const KVM_EXIT_FAIL_ENTRY_CPU_UNSUPPORTED = 1;
export const KVM_HYPERCALL_EXIT_SMC = 1;
export const KVM_HYPERCALL_EXIT_16BIT = 2;
export const KVM_ARM_FEATURE_ID_RANGE = 0;
export const KVM_ARM_FEATURE_ID_RANGE_SIZE = 0xc0;
export const KVM_API_VERSION = 12;
export const KVM_MEM_LOG_DIRTY_PAGES = 1;
export const KVM_MEM_READONLY = 2;
export const KVM_MEM_GUEST_MEMFD = 4;
export const KVM_PIT_SPEAKER_DUMMY = 1;
export const KVM_EXIT_HYPERV_SYNIC = 1;
export const KVM_EXIT_HYPERV_HCALL = 2;
export const KVM_EXIT_HYPERV_SYNDBG = 3;
export const KVM_EXIT_XEN_HCALL = 1;
export const KVM_EXIT_UNKNOWN = 0;
export const KVM_EXIT_EXCEPTION = 1;
export const KVM_EXIT_IO = 2;
export const KVM_EXIT_HYPERCALL = 3;
export const KVM_EXIT_DEBUG = 4;
export const KVM_EXIT_HLT = 5;
export const KVM_EXIT_MMIO = 6;
export const KVM_EXIT_IRQ_WINDOW_OPEN = 7;
export const KVM_EXIT_SHUTDOWN = 8;
export const KVM_EXIT_FAIL_ENTRY = 9;
export const KVM_EXIT_INTR = 10;
export const KVM_EXIT_SET_TPR = 11;
export const KVM_EXIT_TPR_ACCESS = 12;
export const KVM_EXIT_S390_SIEIC = 13;
export const KVM_EXIT_S390_RESET = 14;
export const KVM_EXIT_DCR = 15;
export const KVM_EXIT_NMI = 16;
export const KVM_EXIT_INTERNAL_ERROR = 17;
export const KVM_EXIT_OSI = 18;
export const KVM_EXIT_PAPR_HCALL = 19;
export const KVM_EXIT_S390_UCONTROL = 20;
export const KVM_EXIT_WATCHDOG = 21;
export const KVM_EXIT_S390_TSCH = 22;
export const KVM_EXIT_EPR = 23;
export const KVM_EXIT_SYSTEM_EVENT = 24;
export const KVM_EXIT_S390_STSI = 25;
export const KVM_EXIT_IOAPIC_EOI = 26;
export const KVM_EXIT_HYPERV = 27;
export const KVM_EXIT_ARM_NISV = 28;
export const KVM_EXIT_X86_RDMSR = 29;
export const KVM_EXIT_X86_WRMSR = 30;
export const KVM_EXIT_DIRTY_RING_FULL = 31;
export const KVM_EXIT_AP_RESET_HOLD = 32;
export const KVM_EXIT_X86_BUS_LOCK = 33;
export const KVM_EXIT_XEN = 34;
export const KVM_EXIT_RISCV_SBI = 35;
export const KVM_EXIT_RISCV_CSR = 36;
export const KVM_EXIT_NOTIFY = 37;
export const KVM_EXIT_LOONGARCH_IOCSR = 38;
export const KVM_EXIT_MEMORY_FAULT = 39;
export const KVM_EXIT_TDX = 40;
export const KVM_EXIT_ARM_SEA = 41;
export const KVM_EXIT_ARM_LDST64B = 42;
export const KVM_EXIT_SNP_REQ_CERTS = 43;
export const KVM_INTERNAL_ERROR_EMULATION = 1;
export const KVM_INTERNAL_ERROR_SIMUL_EX = 2;
export const KVM_INTERNAL_ERROR_DELIVERY_EV = 3;
export const KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON = 4;
export const KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES = 1;
export const KVM_EXIT_IO_IN = 0;
export const KVM_EXIT_IO_OUT = 1;
export const KVM_SYSTEM_EVENT_SHUTDOWN = 1;
export const KVM_SYSTEM_EVENT_RESET = 2;
export const KVM_SYSTEM_EVENT_CRASH = 3;
export const KVM_SYSTEM_EVENT_WAKEUP = 4;
export const KVM_SYSTEM_EVENT_SUSPEND = 5;
export const KVM_SYSTEM_EVENT_SEV_TERM = 6;
export const KVM_SYSTEM_EVENT_TDX_FATAL = 7;
export const KVM_NOTIFY_CONTEXT_INVALID = 1;
export const KVM_MEMORY_EXIT_FLAG_PRIVATE = 8;
export const KVM_EXIT_ARM_SEA_FLAG_GPA_VALID = 1;
export const SYNC_REGS_SIZE_BYTES = 2048;
export const KVM_MP_STATE_RUNNABLE = 0;
export const KVM_MP_STATE_UNINITIALIZED = 1;
export const KVM_MP_STATE_INIT_RECEIVED = 2;
export const KVM_MP_STATE_HALTED = 3;
export const KVM_MP_STATE_SIPI_RECEIVED = 4;
export const KVM_MP_STATE_STOPPED = 5;
export const KVM_MP_STATE_CHECK_STOP = 6;
export const KVM_MP_STATE_OPERATING = 7;
export const KVM_MP_STATE_LOAD = 8;
export const KVM_MP_STATE_AP_RESET_HOLD = 9;
export const KVM_MP_STATE_SUSPENDED = 10;
export const KVM_GUESTDBG_ENABLE = 1;
export const KVM_GUESTDBG_SINGLESTEP = 2;
export const KVM_IOEVENTFD_FLAG_DATAMATCH = 1;
export const KVM_IOEVENTFD_FLAG_PIO = 2;
export const KVM_IOEVENTFD_FLAG_DEASSIGN = 4;
export const KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY = 8;
export const KVM_IOEVENTFD_VALID_FLAG_MASK = 0x1f;
export const KVM_VM_S390_UCONTROL = 1;
export const KVM_VM_PPC_HV = 1;
export const KVM_VM_PPC_PR = 2;
export const KVM_VM_MIPS_AUTO = 0;
export const KVM_VM_MIPS_VZ = 1;
export const KVM_VM_MIPS_TE = 2;
export const KVM_VM_TYPE_ARM_IPA_SIZE_MASK = 0xff;
export const KVM_VM_TYPE_ARM_PROTECTED = 0x80000000;
export const KVM_VM_TYPE_ARM_MASK = 0x800000ff;
export const KVM_GET_API_VERSION = 0xae00;
export const KVM_CREATE_VM = 0xae01;
export const KVM_CHECK_EXTENSION = 0xae03;
export const KVM_GET_VCPU_MMAP_SIZE = 0xae04;
export const KVM_CAP_IRQCHIP = 0;
export const KVM_CAP_HLT = 1;
export const KVM_CAP_MMU_SHADOW_CACHE_CONTROL = 2;
export const KVM_CAP_USER_MEMORY = 3;
export const KVM_CAP_SET_TSS_ADDR = 4;
export const KVM_CAP_VAPIC = 6;
export const KVM_CAP_EXT_CPUID = 7;
export const KVM_CAP_CLOCKSOURCE = 8;
export const KVM_CAP_NR_VCPUS = 9;
export const KVM_CAP_NR_MEMSLOTS = 10;
export const KVM_CAP_PIT = 11;
export const KVM_CAP_NOP_IO_DELAY = 12;
export const KVM_CAP_PV_MMU = 13;
export const KVM_CAP_MP_STATE = 14;
export const KVM_CAP_COALESCED_MMIO = 15;
export const KVM_CAP_SYNC_MMU = 16;
export const KVM_CAP_IOMMU = 18;
export const KVM_CAP_DESTROY_MEMORY_REGION_WORKS = 21;
export const KVM_CAP_USER_NMI = 22;
export const KVM_CAP_SET_GUEST_DEBUG = 23;
export const KVM_CAP_IRQ_ROUTING = 25;
export const KVM_CAP_IRQ_INJECT_STATUS = 26;
export const KVM_CAP_ASSIGN_DEV_IRQ = 29;
export const KVM_CAP_JOIN_MEMORY_REGIONS_WORKS = 30;
export const KVM_CAP_IRQFD = 32;
export const KVM_CAP_SET_BOOT_CPU_ID = 34;
export const KVM_CAP_IOEVENTFD = 36;
export const KVM_CAP_SET_IDENTITY_MAP_ADDR = 37;
export const KVM_CAP_ADJUST_CLOCK = 39;
export const KVM_CAP_INTERNAL_ERROR_DATA = 40;
export const KVM_CAP_VCPU_EVENTS = 41;
export const KVM_CAP_S390_PSW = 42;
export const KVM_CAP_PPC_SEGSTATE = 43;
export const KVM_CAP_HYPERV = 44;
export const KVM_CAP_HYPERV_VAPIC = 45;
export const KVM_CAP_HYPERV_SPIN = 46;
export const KVM_CAP_PCI_SEGMENT = 47;
export const KVM_CAP_PPC_PAIRED_SINGLES = 48;
export const KVM_CAP_INTR_SHADOW = 49;
export const KVM_CAP_X86_ROBUST_SINGLESTEP = 51;
export const KVM_CAP_PPC_OSI = 52;
export const KVM_CAP_PPC_UNSET_IRQ = 53;
export const KVM_CAP_ENABLE_CAP = 54;
export const KVM_CAP_PPC_GET_PVINFO = 57;
export const KVM_CAP_PPC_IRQ_LEVEL = 58;
export const KVM_CAP_ASYNC_PF = 59;
export const KVM_CAP_TSC_CONTROL = 60;
export const KVM_CAP_GET_TSC_KHZ = 61;
export const KVM_CAP_PPC_BOOKE_SREGS = 62;
export const KVM_CAP_SPAPR_TCE = 63;
export const KVM_CAP_PPC_SMT = 64;
export const KVM_CAP_PPC_RMA = 65;
export const KVM_CAP_MAX_VCPUS = 66;
export const KVM_CAP_PPC_HIOR = 67;
export const KVM_CAP_PPC_PAPR = 68;
export const KVM_CAP_SW_TLB = 69;
export const KVM_CAP_ONE_REG = 70;
export const KVM_CAP_S390_GMAP = 71;
export const KVM_CAP_TSC_DEADLINE_TIMER = 72;
export const KVM_CAP_S390_UCONTROL = 73;
export const KVM_CAP_SYNC_REGS = 74;
export const KVM_CAP_PCI_2_3 = 75;
export const KVM_CAP_KVMCLOCK_CTRL = 76;
export const KVM_CAP_SIGNAL_MSI = 77;
export const KVM_CAP_PPC_GET_SMMU_INFO = 78;
export const KVM_CAP_S390_COW = 79;
export const KVM_CAP_PPC_ALLOC_HTAB = 80;
export const KVM_CAP_READONLY_MEM = 81;
export const KVM_CAP_IRQFD_RESAMPLE = 82;
export const KVM_CAP_PPC_BOOKE_WATCHDOG = 83;
export const KVM_CAP_PPC_HTAB_FD = 84;
export const KVM_CAP_S390_CSS_SUPPORT = 85;
export const KVM_CAP_PPC_EPR = 86;
export const KVM_CAP_ARM_PSCI = 87;
export const KVM_CAP_ARM_SET_DEVICE_ADDR = 88;
export const KVM_CAP_DEVICE_CTRL = 89;
export const KVM_CAP_IRQ_MPIC = 90;
export const KVM_CAP_PPC_RTAS = 91;
export const KVM_CAP_IRQ_XICS = 92;
export const KVM_CAP_ARM_EL1_32BIT = 93;
export const KVM_CAP_SPAPR_MULTITCE = 94;
export const KVM_CAP_EXT_EMUL_CPUID = 95;
export const KVM_CAP_HYPERV_TIME = 96;
export const KVM_CAP_IOAPIC_POLARITY_IGNORED = 97;
export const KVM_CAP_ENABLE_CAP_VM = 98;
export const KVM_CAP_S390_IRQCHIP = 99;
export const KVM_CAP_IOEVENTFD_NO_LENGTH = 100;
export const KVM_CAP_VM_ATTRIBUTES = 101;
export const KVM_CAP_ARM_PSCI_0_2 = 102;
export const KVM_CAP_PPC_FIXUP_HCALL = 103;
export const KVM_CAP_PPC_ENABLE_HCALL = 104;
export const KVM_CAP_CHECK_EXTENSION_VM = 105;
export const KVM_CAP_S390_USER_SIGP = 106;
export const KVM_CAP_S390_VECTOR_REGISTERS = 107;
export const KVM_CAP_S390_MEM_OP = 108;
export const KVM_CAP_S390_USER_STSI = 109;
export const KVM_CAP_S390_SKEYS = 110;
export const KVM_CAP_MIPS_FPU = 111;
export const KVM_CAP_MIPS_MSA = 112;
export const KVM_CAP_S390_INJECT_IRQ = 113;
export const KVM_CAP_S390_IRQ_STATE = 114;
export const KVM_CAP_PPC_HWRNG = 115;
export const KVM_CAP_DISABLE_QUIRKS = 116;
export const KVM_CAP_X86_SMM = 117;
export const KVM_CAP_MULTI_ADDRESS_SPACE = 118;
export const KVM_CAP_GUEST_DEBUG_HW_BPS = 119;
export const KVM_CAP_GUEST_DEBUG_HW_WPS = 120;
export const KVM_CAP_SPLIT_IRQCHIP = 121;
export const KVM_CAP_IOEVENTFD_ANY_LENGTH = 122;
export const KVM_CAP_HYPERV_SYNIC = 123;
export const KVM_CAP_S390_RI = 124;
export const KVM_CAP_SPAPR_TCE_64 = 125;
export const KVM_CAP_ARM_PMU_V3 = 126;
export const KVM_CAP_VCPU_ATTRIBUTES = 127;
export const KVM_CAP_MAX_VCPU_ID = 128;
export const KVM_CAP_X2APIC_API = 129;
export const KVM_CAP_S390_USER_INSTR0 = 130;
export const KVM_CAP_MSI_DEVID = 131;
export const KVM_CAP_PPC_HTM = 132;
export const KVM_CAP_SPAPR_RESIZE_HPT = 133;
export const KVM_CAP_PPC_MMU_RADIX = 134;
export const KVM_CAP_PPC_MMU_HASH_V3 = 135;
export const KVM_CAP_IMMEDIATE_EXIT = 136;
export const KVM_CAP_MIPS_VZ = 137;
export const KVM_CAP_MIPS_TE = 138;
export const KVM_CAP_MIPS_64BIT = 139;
export const KVM_CAP_S390_GS = 140;
export const KVM_CAP_S390_AIS = 141;
export const KVM_CAP_SPAPR_TCE_VFIO = 142;
export const KVM_CAP_X86_DISABLE_EXITS = 143;
export const KVM_CAP_ARM_USER_IRQ = 144;
export const KVM_CAP_S390_CMMA_MIGRATION = 145;
export const KVM_CAP_PPC_FWNMI = 146;
export const KVM_CAP_PPC_SMT_POSSIBLE = 147;
export const KVM_CAP_HYPERV_SYNIC2 = 148;
export const KVM_CAP_HYPERV_VP_INDEX = 149;
export const KVM_CAP_S390_AIS_MIGRATION = 150;
export const KVM_CAP_PPC_GET_CPU_CHAR = 151;
export const KVM_CAP_S390_BPB = 152;
export const KVM_CAP_GET_MSR_FEATURES = 153;
export const KVM_CAP_HYPERV_EVENTFD = 154;
export const KVM_CAP_HYPERV_TLBFLUSH = 155;
export const KVM_CAP_S390_HPAGE_1M = 156;
export const KVM_CAP_NESTED_STATE = 157;
export const KVM_CAP_ARM_INJECT_SERROR_ESR = 158;
export const KVM_CAP_MSR_PLATFORM_INFO = 159;
export const KVM_CAP_PPC_NESTED_HV = 160;
export const KVM_CAP_HYPERV_SEND_IPI = 161;
export const KVM_CAP_COALESCED_PIO = 162;
export const KVM_CAP_HYPERV_ENLIGHTENED_VMCS = 163;
export const KVM_CAP_EXCEPTION_PAYLOAD = 164;
export const KVM_CAP_ARM_VM_IPA_SIZE = 165;
export const KVM_CAP_MANUAL_DIRTY_LOG_PROTECT = 166;
export const KVM_CAP_HYPERV_CPUID = 167;
export const KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 = 168;
export const KVM_CAP_PPC_IRQ_XIVE = 169;
export const KVM_CAP_ARM_SVE = 170;
export const KVM_CAP_ARM_PTRAUTH_ADDRESS = 171;
export const KVM_CAP_ARM_PTRAUTH_GENERIC = 172;
export const KVM_CAP_PMU_EVENT_FILTER = 173;
export const KVM_CAP_ARM_IRQ_LINE_LAYOUT_2 = 174;
export const KVM_CAP_HYPERV_DIRECT_TLBFLUSH = 175;
export const KVM_CAP_PPC_GUEST_DEBUG_SSTEP = 176;
export const KVM_CAP_ARM_NISV_TO_USER = 177;
export const KVM_CAP_ARM_INJECT_EXT_DABT = 178;
export const KVM_CAP_S390_VCPU_RESETS = 179;
export const KVM_CAP_S390_PROTECTED = 180;
export const KVM_CAP_PPC_SECURE_GUEST = 181;
export const KVM_CAP_HALT_POLL = 182;
export const KVM_CAP_ASYNC_PF_INT = 183;
export const KVM_CAP_LAST_CPU = 184;
export const KVM_CAP_SMALLER_MAXPHYADDR = 185;
export const KVM_CAP_S390_DIAG318 = 186;
export const KVM_CAP_STEAL_TIME = 187;
export const KVM_CAP_X86_USER_SPACE_MSR = 188;
export const KVM_CAP_X86_MSR_FILTER = 189;
export const KVM_CAP_ENFORCE_PV_FEATURE_CPUID = 190;
export const KVM_CAP_SYS_HYPERV_CPUID = 191;
export const KVM_CAP_DIRTY_LOG_RING = 192;
export const KVM_CAP_X86_BUS_LOCK_EXIT = 193;
export const KVM_CAP_PPC_DAWR1 = 194;
export const KVM_CAP_SET_GUEST_DEBUG2 = 195;
export const KVM_CAP_SGX_ATTRIBUTE = 196;
export const KVM_CAP_VM_COPY_ENC_CONTEXT_FROM = 197;
export const KVM_CAP_PTP_KVM = 198;
export const KVM_CAP_HYPERV_ENFORCE_CPUID = 199;
export const KVM_CAP_SREGS2 = 200;
export const KVM_CAP_EXIT_HYPERCALL = 201;
export const KVM_CAP_PPC_RPT_INVALIDATE = 202;
export const KVM_CAP_BINARY_STATS_FD = 203;
export const KVM_CAP_EXIT_ON_EMULATION_FAILURE = 204;
export const KVM_CAP_ARM_MTE = 205;
export const KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM = 206;
export const KVM_CAP_VM_GPA_BITS = 207;
export const KVM_CAP_XSAVE2 = 208;
export const KVM_CAP_SYS_ATTRIBUTES = 209;
export const KVM_CAP_PPC_AIL_MODE_3 = 210;
export const KVM_CAP_S390_MEM_OP_EXTENSION = 211;
export const KVM_CAP_PMU_CAPABILITY = 212;
export const KVM_CAP_DISABLE_QUIRKS2 = 213;
export const KVM_CAP_VM_TSC_CONTROL = 214;
export const KVM_CAP_SYSTEM_EVENT_DATA = 215;
export const KVM_CAP_ARM_SYSTEM_SUSPEND = 216;
export const KVM_CAP_S390_PROTECTED_DUMP = 217;
export const KVM_CAP_X86_TRIPLE_FAULT_EVENT = 218;
export const KVM_CAP_X86_NOTIFY_VMEXIT = 219;
export const KVM_CAP_VM_DISABLE_NX_HUGE_PAGES = 220;
export const KVM_CAP_S390_ZPCI_OP = 221;
export const KVM_CAP_S390_CPU_TOPOLOGY = 222;
export const KVM_CAP_DIRTY_LOG_RING_ACQ_REL = 223;
export const KVM_CAP_S390_PROTECTED_ASYNC_DISABLE = 224;
export const KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP = 225;
export const KVM_CAP_PMU_EVENT_MASKED_EVENTS = 226;
export const KVM_CAP_COUNTER_OFFSET = 227;
export const KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE = 228;
export const KVM_CAP_ARM_SUPPORTED_BLOCK_SIZES = 229;
export const KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES = 230;
export const KVM_CAP_USER_MEMORY2 = 231;
export const KVM_CAP_MEMORY_FAULT_INFO = 232;
export const KVM_CAP_MEMORY_ATTRIBUTES = 233;
export const KVM_CAP_GUEST_MEMFD = 234;
export const KVM_CAP_VM_TYPES = 235;
export const KVM_CAP_PRE_FAULT_MEMORY = 236;
export const KVM_CAP_X86_APIC_BUS_CYCLES_NS = 237;
export const KVM_CAP_X86_GUEST_MODE = 238;
export const KVM_CAP_ARM_WRITABLE_IMP_ID_REGS = 239;
export const KVM_CAP_ARM_EL2 = 240;
export const KVM_CAP_ARM_EL2_E2H0 = 241;
export const KVM_CAP_RISCV_MP_STATE_RESET = 242;
export const KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED = 243;
export const KVM_CAP_GUEST_MEMFD_FLAGS = 244;
export const KVM_CAP_ARM_SEA_TO_USER = 245;
export const KVM_CAP_S390_USER_OPEREXEC = 246;
export const KVM_CAP_S390_KEYOP = 247;
export const KVM_CAP_S390_VSIE_ESAMODE = 248;
export const KVM_CAP_S390_HPAGE_2G = 249;
export const KVM_CAP_PPC_COMPAT_CAPS = 250;
export const KVM_CAP_ARM_PMU_V3_STRICT = 251;
export const KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL = 0xffffffff;
export const KVM_IRQ_ROUTING_IRQCHIP = 1;
export const KVM_IRQ_ROUTING_MSI = 2;
export const KVM_IRQ_ROUTING_S390_ADAPTER = 3;
export const KVM_IRQ_ROUTING_HV_SINT = 4;
export const KVM_IRQ_ROUTING_XEN_EVTCHN = 5;
export const KVM_IRQFD_FLAG_DEASSIGN = 1;
export const KVM_IRQFD_FLAG_RESAMPLE = 2;
export const KVM_CLOCK_TSC_STABLE = 2;
export const KVM_CLOCK_REALTIME = 4;
export const KVM_CLOCK_HOST_TSC = 8;
export const KVM_MMU_FSL_BOOKE_NOHV = 0;
export const KVM_MMU_FSL_BOOKE_HV = 1;
export const KVM_REG_ARCH_MASK = 0xff00000000000000n;
export const KVM_REG_GENERIC = 0;
export const KVM_REG_PPC = 0x1000000000000000n;
export const KVM_REG_X86 = 0x2000000000000000n;
export const KVM_REG_IA64 = 0x3000000000000000n;
export const KVM_REG_ARM = 0x4000000000000000n;
export const KVM_REG_S390 = 0x5000000000000000n;
export const KVM_REG_ARM64 = 0x6000000000000000n;
export const KVM_REG_MIPS = 0x7000000000000000n;
export const KVM_REG_RISCV = 0x8000000000000000n;
export const KVM_REG_LOONGARCH = 0x9000000000000000n;
export const KVM_REG_SIZE_SHIFT = 52;
export const KVM_REG_SIZE_MASK = 0xf0000000000000n;
export const KVM_REG_SIZE_U8 = 0n;
export const KVM_REG_SIZE_U16 = 0x10000000000000n;
export const KVM_REG_SIZE_U32 = 0x20000000000000n;
export const KVM_REG_SIZE_U64 = 0x30000000000000n;
export const KVM_REG_SIZE_U128 = 0x40000000000000n;
export const KVM_REG_SIZE_U256 = 0x50000000000000n;
export const KVM_REG_SIZE_U512 = 0x60000000000000n;
export const KVM_REG_SIZE_U1024 = 0x70000000000000n;
export const KVM_REG_SIZE_U2048 = 0x80000000000000n;
export const KVM_MSI_VALID_DEVID = 1;
export const KVM_CREATE_DEVICE_TEST = 1;
export const KVM_DEV_VFIO_FILE = 1;
export const KVM_DEV_VFIO_FILE_ADD = 1;
export const KVM_DEV_VFIO_FILE_DEL = 2;
export const KVM_DEV_VFIO_GROUP = 1;
export const KVM_DEV_VFIO_GROUP_ADD = 1;
export const KVM_DEV_VFIO_GROUP_DEL = 2;
export const KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE = 3;
export const KVM_DEV_TYPE_FSL_MPIC_20 = 1;
export const KVM_DEV_TYPE_FSL_MPIC_42 = 2;
export const KVM_DEV_TYPE_XICS = 3;
export const KVM_DEV_TYPE_VFIO = 4;
export const KVM_DEV_TYPE_ARM_VGIC_V2 = 5;
export const KVM_DEV_TYPE_FLIC = 6;
export const KVM_DEV_TYPE_ARM_VGIC_V3 = 7;
export const KVM_DEV_TYPE_ARM_VGIC_ITS = 8;
export const KVM_DEV_TYPE_XIVE = 9;
export const KVM_DEV_TYPE_ARM_PV_TIME = 10;
export const KVM_DEV_TYPE_RISCV_AIA = 11;
export const KVM_DEV_TYPE_LOONGARCH_IPI = 12;
export const KVM_DEV_TYPE_LOONGARCH_EIOINTC = 13;
export const KVM_DEV_TYPE_LOONGARCH_PCHPIC = 14;
export const KVM_DEV_TYPE_LOONGARCH_DMSINTC = 15;
export const KVM_DEV_TYPE_ARM_VGIC_V5 = 16;
export const KVM_CREATE_VCPU = 0xae41;
export const KVM_GET_DIRTY_LOG = 0x4010ae42;
export const KVM_SET_NR_MMU_PAGES = 0xae44;
export const KVM_GET_NR_MMU_PAGES = 0xae45;
export const KVM_SET_USER_MEMORY_REGION = 0x4020ae46;
export const KVM_SET_TSS_ADDR = 0xae47;
export const KVM_SET_IDENTITY_MAP_ADDR = 0x4008ae48;
export const KVM_SET_USER_MEMORY_REGION2 = 0x40a0ae49;
export const KVM_CREATE_IRQCHIP = 0xae60;
export const KVM_IRQ_LINE = 0x4008ae61;
export const KVM_GET_IRQCHIP = 0xc208ae62;
export const KVM_SET_IRQCHIP = 0x8208ae63;
export const KVM_CREATE_PIT = 0xae64;
export const KVM_IRQ_LINE_STATUS = 0xc008ae67;
export const KVM_REGISTER_COALESCED_MMIO = 0x4010ae67;
export const KVM_UNREGISTER_COALESCED_MMIO = 0x4010ae68;
export const KVM_SET_GSI_ROUTING = 0x4008ae6a;
export const KVM_REINJECT_CONTROL = 0xae71;
export const KVM_IRQFD = 0x4020ae76;
export const KVM_CREATE_PIT2 = 0x4040ae77;
export const KVM_SET_BOOT_CPU_ID = 0xae78;
export const KVM_IOEVENTFD = 0x4040ae79;
export const KVM_SET_CLOCK = 0x4030ae7b;
export const KVM_GET_CLOCK = 0x8030ae7c;
export const KVM_SET_TSC_KHZ = 0xaea2;
export const KVM_GET_TSC_KHZ = 0xaea3;
export const KVM_SIGNAL_MSI = 0x4020aea5;
export const KVM_ARM_SET_DEVICE_ADDR = 0x4010aeab;
export const KVM_SET_PMU_EVENT_FILTER = 0x4008aeb2;
export const KVM_ARM_MTE_COPY_TAGS = 0x8030aeb4;
export const KVM_ARM_SET_COUNTER_OFFSET = 0x4010aeb5;
export const KVM_ARM_GET_REG_WRITABLE_MASKS = 0x8040aeb6;
export const KVM_CREATE_DEVICE = 0xc00caee0;
export const KVM_SET_DEVICE_ATTR = 0x4018aee1;
export const KVM_GET_DEVICE_ATTR = 0x4018aee2;
export const KVM_HAS_DEVICE_ATTR = 0x4018aee3;
export const KVM_RUN = 0xae80;
export const KVM_GET_REGS = 0x8360ae81;
export const KVM_SET_REGS = 0x4360ae82;
export const KVM_GET_SREGS = 0x8000ae83;
export const KVM_SET_SREGS = 0x4000ae84;
export const KVM_TRANSLATE = 0xc018ae85;
export const KVM_INTERRUPT = 0x4004ae86;
export const KVM_SET_SIGNAL_MASK = 0x4004ae8b;
export const KVM_GET_FPU = 0x8000ae8c;
export const KVM_SET_FPU = 0x4000ae8d;
export const KVM_TPR_ACCESS_REPORTING = 0xc028ae92;
export const KVM_SET_VAPIC_ADDR = 0x4008ae93;
export const KVM_GET_MP_STATE = 0x8004ae98;
export const KVM_SET_MP_STATE = 0x4004ae99;
export const KVM_NMI = 0xae9a;
export const KVM_SET_GUEST_DEBUG = 0x4208ae9b;
export const KVM_GET_VCPU_EVENTS = 0x8040ae9f;
export const KVM_SET_VCPU_EVENTS = 0x4040aea0;
export const KVM_ENABLE_CAP = 0x4068aea3;
export const KVM_DIRTY_TLB = 0x4010aeaa;
export const KVM_GET_ONE_REG = 0x4010aeab;
export const KVM_SET_ONE_REG = 0x4010aeac;
export const KVM_KVMCLOCK_CTRL = 0xaead;
export const KVM_ARM_VCPU_INIT = 0x4020aeae;
export const KVM_ARM_PREFERRED_TARGET = 0x8020aeaf;
export const KVM_GET_REG_LIST = 0xc008aeb0;
export const KVM_SMI = 0xaeb7;
export const KVM_MEMORY_ENCRYPT_OP = 0xc008aeba;
export const KVM_MEMORY_ENCRYPT_REG_REGION = 0x8010aebb;
export const KVM_MEMORY_ENCRYPT_UNREG_REGION = 0x8010aebc;
export const KVM_CLEAR_DIRTY_LOG = 0xc018aec0;
export const KVM_ARM_VCPU_FINALIZE = 0x4004aec2;
export const KVM_RESET_DIRTY_RINGS = 0xaec7;
export const KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE = 1;
export const KVM_DIRTY_LOG_INITIALLY_SET = 2;
export const KVM_DIRTY_GFN_F_DIRTY = 1;
export const KVM_DIRTY_GFN_F_RESET = 2;
export const KVM_DIRTY_GFN_F_MASK = 3;
export const KVM_BUS_LOCK_DETECTION_OFF = 1;
export const KVM_BUS_LOCK_DETECTION_EXIT = 2;
export const KVM_PMU_CAP_DISABLE = 1;
export const KVM_STATS_TYPE_SHIFT = 0;
export const KVM_STATS_TYPE_MASK = 0xf;
export const KVM_STATS_TYPE_CUMULATIVE = 0;
export const KVM_STATS_TYPE_INSTANT = 1;
export const KVM_STATS_TYPE_PEAK = 2;
export const KVM_STATS_TYPE_LINEAR_HIST = 3;
export const KVM_STATS_TYPE_LOG_HIST = 4;
export const KVM_STATS_TYPE_MAX = 4;
export const KVM_STATS_UNIT_SHIFT = 4;
export const KVM_STATS_UNIT_MASK = 0xf0;
export const KVM_STATS_UNIT_NONE = 0;
export const KVM_STATS_UNIT_BYTES = 0x10;
export const KVM_STATS_UNIT_SECONDS = 0x20;
export const KVM_STATS_UNIT_CYCLES = 0x30;
export const KVM_STATS_UNIT_BOOLEAN = 0x40;
export const KVM_STATS_UNIT_MAX = 0x40;
export const KVM_STATS_BASE_SHIFT = 8;
export const KVM_STATS_BASE_MASK = 0xf00;
export const KVM_STATS_BASE_POW10 = 0;
export const KVM_STATS_BASE_POW2 = 0x100;
export const KVM_STATS_BASE_MAX = 0x100;
export const KVM_GET_STATS_FD = 0xaece;
export const KVM_SET_MEMORY_ATTRIBUTES = 0x4020aed2;
export const KVM_MEMORY_ATTRIBUTE_PRIVATE = 8;
export const KVM_CREATE_GUEST_MEMFD = 0xc040aed4;
export const KVM_PRE_FAULT_MEMORY = 0xc040aed5;
export const KVM_REG_ARM_STD_BIT_TRNG_V1_0 = 0;
export const KVM_REG_ARM_STD_HYP_BIT_PV_TIME = 0;
export const KVM_REG_ARM_VENDOR_HYP_BIT_FUNC_FEAT = 0;
export const KVM_REG_ARM_VENDOR_HYP_BIT_PTP = 1;
export const KVM_REG_ARM_VENDOR_HYP_BIT_DISCOVER_IMPL_VER = 0;
export const KVM_REG_ARM_VENDOR_HYP_BIT_DISCOVER_IMPL_CPUS = 1;
export const KVM_SMCCC_FILTER_HANDLE = 0;
export const KVM_SMCCC_FILTER_DENY = 1;
export const KVM_SMCCC_FILTER_FWD_TO_USER = 2;
export const KVM_DEV_TYPE_MAX = 17;
export const PSCI_0_2_FN_BASE = 0x84000000;
export const PSCI_0_2_64BIT = 0x40000000;
export const PSCI_0_2_FN64_BASE = 0xc4000000;
export const PSCI_0_2_FN_PSCI_VERSION = 0x84000000;
export const PSCI_0_2_FN_CPU_SUSPEND = 0x84000001;
export const PSCI_0_2_FN_CPU_OFF = 0x84000002;
export const PSCI_0_2_FN_CPU_ON = 0x84000003;
export const PSCI_0_2_FN_AFFINITY_INFO = 0x84000004;
export const PSCI_0_2_FN_MIGRATE = 0x84000005;
export const PSCI_0_2_FN_MIGRATE_INFO_TYPE = 0x84000006;
export const PSCI_0_2_FN_MIGRATE_INFO_UP_CPU = 0x84000007;
export const PSCI_0_2_FN_SYSTEM_OFF = 0x84000008;
export const PSCI_0_2_FN_SYSTEM_RESET = 0x84000009;
export const PSCI_0_2_FN64_CPU_SUSPEND = 0xc4000001;
export const PSCI_0_2_FN64_CPU_ON = 0xc4000003;
export const PSCI_0_2_FN64_AFFINITY_INFO = 0xc4000004;
export const PSCI_0_2_FN64_MIGRATE = 0xc4000005;
export const PSCI_0_2_FN64_MIGRATE_INFO_UP_CPU = 0xc4000007;
export const PSCI_1_0_FN_PSCI_FEATURES = 0x8400000a;
export const PSCI_1_0_FN_CPU_FREEZE = 0x8400000b;
export const PSCI_1_0_FN_CPU_DEFAULT_SUSPEND = 0x8400000c;
export const PSCI_1_0_FN_NODE_HW_STATE = 0x8400000d;
export const PSCI_1_0_FN_SYSTEM_SUSPEND = 0x8400000e;
export const PSCI_1_0_FN_SET_SUSPEND_MODE = 0x8400000f;
export const PSCI_1_0_FN_STAT_RESIDENCY = 0x84000010;
export const PSCI_1_0_FN_STAT_COUNT = 0x84000011;
export const PSCI_1_1_FN_SYSTEM_RESET2 = 0x84000012;
export const PSCI_1_1_FN_MEM_PROTECT = 0x84000013;
export const PSCI_1_1_FN_MEM_PROTECT_CHECK_RANGE = 0x84000014;
export const PSCI_1_3_FN_SYSTEM_OFF2 = 0x84000015;
export const PSCI_1_0_FN64_CPU_DEFAULT_SUSPEND = 0xc400000c;
export const PSCI_1_0_FN64_NODE_HW_STATE = 0xc400000d;
export const PSCI_1_0_FN64_SYSTEM_SUSPEND = 0xc400000e;
export const PSCI_1_0_FN64_STAT_RESIDENCY = 0xc4000010;
export const PSCI_1_0_FN64_STAT_COUNT = 0xc4000011;
export const PSCI_1_1_FN64_SYSTEM_RESET2 = 0xc4000012;
export const PSCI_1_1_FN64_MEM_PROTECT_CHECK_RANGE = 0xc4000014;
export const PSCI_1_3_FN64_SYSTEM_OFF2 = 0xc4000015;
export const PSCI_0_2_POWER_STATE_ID_MASK = 0xffff;
export const PSCI_0_2_POWER_STATE_ID_SHIFT = 0;
export const PSCI_0_2_POWER_STATE_TYPE_SHIFT = 16;
export const PSCI_0_2_POWER_STATE_TYPE_MASK = 0x10000;
export const PSCI_0_2_POWER_STATE_AFFL_SHIFT = 24;
export const PSCI_0_2_POWER_STATE_AFFL_MASK = 0x3000000;
export const PSCI_1_0_EXT_POWER_STATE_ID_MASK = 0xfffffff;
export const PSCI_1_0_EXT_POWER_STATE_ID_SHIFT = 0;
export const PSCI_1_0_EXT_POWER_STATE_TYPE_SHIFT = 30;
export const PSCI_1_0_EXT_POWER_STATE_TYPE_MASK = 0x40000000;
export const PSCI_0_2_AFFINITY_LEVEL_ON = 0;
export const PSCI_0_2_AFFINITY_LEVEL_OFF = 1;
export const PSCI_0_2_AFFINITY_LEVEL_ON_PENDING = 2;
export const PSCI_0_2_TOS_UP_MIGRATE = 0;
export const PSCI_0_2_TOS_UP_NO_MIGRATE = 1;
export const PSCI_0_2_TOS_MP = 2;
export const PSCI_1_1_RESET_TYPE_SYSTEM_WARM_RESET = 0;
export const PSCI_1_1_RESET_TYPE_VENDOR_START = 0x80000000;
export const PSCI_VERSION_MAJOR_SHIFT = 16;
export const PSCI_VERSION_MINOR_MASK = 0xffff;
export const PSCI_VERSION_MAJOR_MASK = 0xffff0000;
export const PSCI_1_0_FEATURES_CPU_SUSPEND_PF_SHIFT = 1;
export const PSCI_1_0_FEATURES_CPU_SUSPEND_PF_MASK = 2;
export const PSCI_1_0_SUSPEND_MODE_PC = 0;
export const PSCI_1_0_SUSPEND_MODE_OSI = 1;
export const PSCI_RET_SUCCESS = 0;
export const PSCI_RET_NOT_SUPPORTED = -1;
export const PSCI_RET_INVALID_PARAMS = -2;
export const PSCI_RET_DENIED = -3;
export const PSCI_RET_ALREADY_ON = -4;
export const PSCI_RET_ON_PENDING = -5;
export const PSCI_RET_INTERNAL_FAILURE = -6;
export const PSCI_RET_NOT_PRESENT = -7;
export const PSCI_RET_DISABLED = -8;
export const PSCI_RET_INVALID_ADDRESS = -9;

export const kvm_run = struct(2352, {
  request_interrupt_window: u8(0),
  immediate_exit: u8(1),
  exit_reason: u32(8),
  ready_for_interrupt_injection: u8(12),
  if_flag: u8(13),
  flags: u16(14),
  'hw.hardware_exit_reason': u64(32),
  'fail_entry.hardware_entry_failure_reason': u64(32),
  'fail_entry.cpu': u32(40),
  'ex.exception': u32(32),
  'ex.error_code': u32(36),
  'io.direction': u8(32),
  'io.size': u8(33),
  'io.port': u16(34),
  'io.count': u32(36),
  'io.data_offset': u64(40),
  'debug.arch.hsr': u32(32),
  'debug.arch.hsr_high': u32(36),
  'debug.arch.far': u64(40),
  'mmio.phys_addr': u64(32),
  'mmio.data': bytes(40, 8),
  'mmio.len': u32(48),
  'mmio.is_write': u8(52),
  'hypercall.nr': u64(32),
  'hypercall.args': bytes(40, 48),
  'hypercall.ret': u64(88),
  'hypercall.longmode': u32(96),
  'hypercall.flags': u64(96),
  'internal.suberror': u32(32),
  'internal.ndata': u32(36),
  'internal.data': bytes(40, 128),
  'system_event.type': u32(32),
  'system_event.ndata': u32(36),
  'system_event.flags': u64(40),
  'system_event.data': bytes(40, 128),
  'arm_nisv.esr_iss': u64(32),
  'arm_nisv.fault_ipa': u64(40),
  'msr.error': u8(32),
  'msr.pad': bytes(33, 7),
  'msr.reason': u32(40),
  'msr.index': u32(44),
  'msr.data': u64(48),
  'notify.flags': u32(32),
  'memory_fault.flags': u64(32),
  'memory_fault.gpa': u64(40),
  'memory_fault.size': u64(48),
  'arm_sea.flags': u64(32),
  'arm_sea.esr': u64(40),
  'arm_sea.gva': u64(48),
  'arm_sea.gpa': u64(56),
  padding: bytes(32, 256),
  kvm_valid_regs: u64(288),
  kvm_dirty_regs: u64(296),
  's.regs.device_irq_level': u64(304),
  's.padding': bytes(304, 2048),
});

export const kvm_regs = struct(864, {
  'regs.regs': bytes(0, 248),
  'regs.sp': u64(248),
  'regs.pc': u64(256),
  'regs.pstate': u64(264),
  sp_el1: u64(272),
  elr_el1: u64(280),
  spsr: bytes(288, 40),
  'fp_regs.vregs': bytes(336, 512),
  'fp_regs.fpsr': u32(848),
  'fp_regs.fpcr': u32(852),
  'fp_regs.__reserved': bytes(856, 8),
});

export const user_pt_regs = struct(272, {
  regs: bytes(0, 248),
  sp: u64(248),
  pc: u64(256),
  pstate: u64(264),
});

export const user_fpsimd_state = struct(528, {
  vregs: bytes(0, 512),
  fpsr: u32(512),
  fpcr: u32(516),
  __reserved: bytes(520, 8),
});

export const kvm_sync_regs = struct(8, {
  device_irq_level: u64(0),
});

export const kvm_vcpu_init = struct(32, {
  target: u32(0),
  features: bytes(4, 28),
});

export const kvm_one_reg = struct(16, {
  id: u64(0),
  addr: u64(8),
});

export const kvm_reg_list = struct(8, {
  n: u64(0),
  reg: bytes(8, 0),
});

export const kvm_mp_state = struct(4, {
  mp_state: u32(0),
});

export const kvm_signal_mask = struct(4, {
  len: u32(0),
  sigset: bytes(4, 0),
});

export const kvm_vcpu_events = struct(64, {
  'exception.serror_pending': u8(0),
  'exception.serror_has_esr': u8(1),
  'exception.ext_dabt_pending': u8(2),
  'exception.pad': bytes(3, 5),
  'exception.serror_esr': u64(8),
  reserved: bytes(16, 48),
});

export const kvm_guest_debug = struct(520, {
  control: u32(0),
  pad: u32(4),
  'arch.dbg_bcr': bytes(8, 128),
  'arch.dbg_bvr': bytes(136, 128),
  'arch.dbg_wcr': bytes(264, 128),
  'arch.dbg_wvr': bytes(392, 128),
});

export const kvm_enable_cap = struct(104, {
  cap: u32(0),
  flags: u32(4),
  args: bytes(8, 32),
  pad: bytes(40, 64),
});

export const kvm_userspace_memory_region = struct(32, {
  slot: u32(0),
  flags: u32(4),
  guest_phys_addr: u64(8),
  memory_size: u64(16),
  userspace_addr: u64(24),
});

export const kvm_userspace_memory_region2 = struct(160, {
  slot: u32(0),
  flags: u32(4),
  guest_phys_addr: u64(8),
  memory_size: u64(16),
  userspace_addr: u64(24),
  guest_memfd_offset: u64(32),
  guest_memfd: u32(40),
  pad1: u32(44),
  pad2: bytes(48, 112),
});

export const kvm_create_guest_memfd = struct(64, {
  size: u64(0),
  flags: u64(8),
  reserved: bytes(16, 48),
});

export const kvm_memory_attributes = struct(32, {
  address: u64(0),
  size: u64(8),
  attributes: u64(16),
  flags: u64(24),
});

export const kvm_pre_fault_memory = struct(64, {
  gpa: u64(0),
  size: u64(8),
  flags: u64(16),
  padding: bytes(24, 40),
});

export const kvm_dirty_log = struct(16, {
  slot: u32(0),
  padding1: u32(4),
  dirty_bitmap: u64(8),
  padding2: u64(8),
});

export const kvm_clear_dirty_log = struct(24, {
  slot: u32(0),
  num_pages: u32(4),
  first_page: u64(8),
  dirty_bitmap: u64(16),
  padding2: u64(16),
});

export const kvm_dirty_gfn = struct(16, {
  flags: u32(0),
  slot: u32(4),
  offset: u64(8),
});

export const kvm_create_device = struct(12, {
  type: u32(0),
  fd: u32(4),
  flags: u32(8),
});

export const kvm_device_attr = struct(24, {
  flags: u32(0),
  group: u32(4),
  attr: u64(8),
  addr: u64(16),
});

export const kvm_irq_level = struct(8, {
  irq: u32(0),
  status: s32(0),
  level: u32(4),
});

export const kvm_irqfd = struct(32, {
  fd: u32(0),
  gsi: u32(4),
  flags: u32(8),
  resamplefd: u32(12),
  pad: bytes(16, 16),
});

export const kvm_ioeventfd = struct(64, {
  datamatch: u64(0),
  addr: u64(8),
  len: u32(16),
  fd: s32(20),
  flags: u32(24),
  pad: bytes(28, 36),
});

export const kvm_irq_routing = struct(8, {
  nr: u32(0),
  flags: u32(4),
  entries: bytes(8, 0),
});

export const kvm_irq_routing_entry = struct(48, {
  gsi: u32(0),
  type: u32(4),
  flags: u32(8),
  pad: u32(12),
  'u.irqchip.irqchip': u32(16),
  'u.irqchip.pin': u32(20),
  'u.msi.address_lo': u32(16),
  'u.msi.address_hi': u32(20),
  'u.msi.data': u32(24),
  'u.msi.pad': u32(28),
  'u.msi.devid': u32(28),
  'u.pad': bytes(16, 32),
});

export const kvm_msi = struct(32, {
  address_lo: u32(0),
  address_hi: u32(4),
  data: u32(8),
  flags: u32(12),
  devid: u32(16),
  pad: bytes(20, 12),
});

export const kvm_coalesced_mmio_zone = struct(16, {
  addr: u64(0),
  size: u32(8),
  pad: u32(12),
  pio: u32(12),
});

export const kvm_coalesced_mmio = struct(24, {
  phys_addr: u64(0),
  len: u32(8),
  pad: u32(12),
  pio: u32(12),
  data: bytes(16, 8),
});

export const kvm_coalesced_mmio_ring = struct(8, {
  first: u32(0),
  last: u32(4),
  coalesced_mmio: bytes(8, 0),
});

export const kvm_stats_header = struct(24, {
  flags: u32(0),
  name_size: u32(4),
  num_desc: u32(8),
  id_offset: u32(12),
  desc_offset: u32(16),
  data_offset: u32(20),
});

export const kvm_stats_desc = struct(16, {
  flags: u32(0),
  exponent: s16(4),
  size: u16(6),
  offset: u32(8),
  bucket_size: u32(12),
  name: bytes(16, 0),
});

export const kvm_arm_counter_offset = struct(16, {
  counter_offset: u64(0),
  reserved: u64(8),
});

export const kvm_arm_copy_mte_tags = struct(48, {
  guest_ipa: u64(0),
  length: u64(8),
  addr: u64(16),
  flags: u64(24),
  reserved: bytes(32, 16),
});

export const kvm_arm_device_addr = struct(16, {
  id: u64(0),
  addr: u64(8),
});

export const kvm_pmu_event_filter = struct(8, {
  base_event: u16(0),
  nevents: u16(2),
  action: u8(4),
  pad: bytes(5, 3),
});

export const kvm_smccc_filter = struct(24, {
  base: u32(0),
  nr_functions: u32(4),
  action: u8(8),
  pad: bytes(9, 15),
});

export const reg_mask_range = struct(64, {
  addr: u64(0),
  range: u32(8),
  reserved: bytes(12, 52),
});

export const kvmExitNames: Readonly<Record<number, readonly string[]>> = {
  0: ['KVM_EXIT_UNKNOWN'],
  1: ['KVM_EXIT_EXCEPTION'],
  2: ['KVM_EXIT_IO'],
  3: ['KVM_EXIT_HYPERCALL'],
  4: ['KVM_EXIT_DEBUG'],
  5: ['KVM_EXIT_HLT'],
  6: ['KVM_EXIT_MMIO'],
  7: ['KVM_EXIT_IRQ_WINDOW_OPEN'],
  8: ['KVM_EXIT_SHUTDOWN'],
  9: ['KVM_EXIT_FAIL_ENTRY'],
  10: ['KVM_EXIT_INTR'],
  11: ['KVM_EXIT_SET_TPR'],
  12: ['KVM_EXIT_TPR_ACCESS'],
  13: ['KVM_EXIT_S390_SIEIC'],
  14: ['KVM_EXIT_S390_RESET'],
  15: ['KVM_EXIT_DCR'],
  16: ['KVM_EXIT_NMI'],
  17: ['KVM_EXIT_INTERNAL_ERROR'],
  18: ['KVM_EXIT_OSI'],
  19: ['KVM_EXIT_PAPR_HCALL'],
  20: ['KVM_EXIT_S390_UCONTROL'],
  21: ['KVM_EXIT_WATCHDOG'],
  22: ['KVM_EXIT_S390_TSCH'],
  23: ['KVM_EXIT_EPR'],
  24: ['KVM_EXIT_SYSTEM_EVENT'],
  25: ['KVM_EXIT_S390_STSI'],
  26: ['KVM_EXIT_IOAPIC_EOI'],
  27: ['KVM_EXIT_HYPERV'],
  28: ['KVM_EXIT_ARM_NISV'],
  29: ['KVM_EXIT_X86_RDMSR'],
  30: ['KVM_EXIT_X86_WRMSR'],
  31: ['KVM_EXIT_DIRTY_RING_FULL'],
  32: ['KVM_EXIT_AP_RESET_HOLD'],
  33: ['KVM_EXIT_X86_BUS_LOCK'],
  34: ['KVM_EXIT_XEN'],
  35: ['KVM_EXIT_RISCV_SBI'],
  36: ['KVM_EXIT_RISCV_CSR'],
  37: ['KVM_EXIT_NOTIFY'],
  38: ['KVM_EXIT_LOONGARCH_IOCSR'],
  39: ['KVM_EXIT_MEMORY_FAULT'],
  40: ['KVM_EXIT_TDX'],
  41: ['KVM_EXIT_ARM_SEA'],
  42: ['KVM_EXIT_ARM_LDST64B'],
  43: ['KVM_EXIT_SNP_REQ_CERTS'],
};
