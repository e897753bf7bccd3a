/**
 * IOMMUFD, VFIO's newer back-end: linux/iommufd.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, s32, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const IOMMUFD_TYPE = 0x3b;
export const IOMMU_DESTROY = 0x3b80;
export const IOMMU_IOAS_ALLOC = 0x3b81;
export const IOMMU_IOAS_IOVA_RANGES = 0x3b84;
export const IOMMU_IOAS_ALLOW_IOVAS = 0x3b82;
export const IOMMU_IOAS_MAP = 0x3b85;
export const IOMMU_IOAS_NOIOMMU_GET_PA = 0x3b95;
export const IOMMU_IOAS_MAP_FILE = 0x3b8f;
export const IOMMU_IOAS_COPY = 0x3b83;
export const IOMMU_IOAS_UNMAP = 0x3b86;
export const IOMMU_OPTION = 0x3b87;
export const IOMMU_VFIO_IOAS = 0x3b88;
export const IOMMU_HWPT_ALLOC = 0x3b89;
export const IOMMU_GET_HW_INFO = 0x3b8a;
export const IOMMU_HWPT_SET_DIRTY_TRACKING = 0x3b8b;
export const IOMMU_HWPT_GET_DIRTY_BITMAP = 0x3b8c;
export const IOMMU_HWPT_INVALIDATE = 0x3b8d;
export const IOMMU_FAULT_QUEUE_ALLOC = 0x3b8e;
export const IOMMU_VIOMMU_ALLOC = 0x3b90;
export const IOMMU_VDEVICE_ALLOC = 0x3b91;
export const IOMMU_IOAS_CHANGE_PROCESS = 0x3b92;
export const IOMMU_VEVENTQ_ALLOC = 0x3b93;
export const IOMMU_HW_QUEUE_ALLOC = 0x3b94;
export const IOMMUFD_CMD_BASE = 128;
export const IOMMUFD_CMD_DESTROY = 128;
export const IOMMUFD_CMD_IOAS_ALLOC = 129;
export const IOMMUFD_CMD_IOAS_ALLOW_IOVAS = 130;
export const IOMMUFD_CMD_IOAS_COPY = 131;
export const IOMMUFD_CMD_IOAS_IOVA_RANGES = 132;
export const IOMMUFD_CMD_IOAS_MAP = 133;
export const IOMMUFD_CMD_IOAS_UNMAP = 134;
export const IOMMUFD_CMD_OPTION = 135;
export const IOMMUFD_CMD_VFIO_IOAS = 136;
export const IOMMUFD_CMD_HWPT_ALLOC = 137;
export const IOMMUFD_CMD_GET_HW_INFO = 138;
export const IOMMUFD_CMD_HWPT_SET_DIRTY_TRACKING = 139;
export const IOMMUFD_CMD_HWPT_GET_DIRTY_BITMAP = 140;
export const IOMMUFD_CMD_HWPT_INVALIDATE = 141;
export const IOMMUFD_CMD_FAULT_QUEUE_ALLOC = 142;
export const IOMMUFD_CMD_IOAS_MAP_FILE = 143;
export const IOMMUFD_CMD_VIOMMU_ALLOC = 144;
export const IOMMUFD_CMD_VDEVICE_ALLOC = 145;
export const IOMMUFD_CMD_IOAS_CHANGE_PROCESS = 146;
export const IOMMUFD_CMD_VEVENTQ_ALLOC = 147;
export const IOMMUFD_CMD_HW_QUEUE_ALLOC = 148;
export const IOMMUFD_CMD_IOAS_NOIOMMU_GET_PA = 149;
export const IOMMU_IOAS_MAP_FIXED_IOVA = 1;
export const IOMMU_IOAS_MAP_WRITEABLE = 2;
export const IOMMU_IOAS_MAP_READABLE = 4;
export const IOMMU_OPTION_RLIMIT_MODE = 0;
export const IOMMU_OPTION_HUGE_PAGES = 1;
export const IOMMU_OPTION_OP_SET = 0;
export const IOMMU_OPTION_OP_GET = 1;
export const IOMMU_VFIO_IOAS_GET = 0;
export const IOMMU_VFIO_IOAS_SET = 1;
export const IOMMU_VFIO_IOAS_CLEAR = 2;
export const IOMMU_HWPT_ALLOC_NEST_PARENT = 1;
export const IOMMU_HWPT_ALLOC_DIRTY_TRACKING = 2;
export const IOMMU_HWPT_FAULT_ID_VALID = 4;
export const IOMMU_HWPT_ALLOC_PASID = 8;
export const IOMMU_HWPT_DATA_NONE = 0;
export const IOMMU_HWPT_DATA_VTD_S1 = 1;
export const IOMMU_HWPT_DATA_ARM_SMMUV3 = 2;
export const IOMMU_HWPT_DATA_AMD_GUEST = 3;
export const IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17 = 1;
export const IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI = 1;
export const IOMMU_HW_INFO_TYPE_NONE = 0;
export const IOMMU_HW_INFO_TYPE_DEFAULT = 0;
export const IOMMU_HW_INFO_TYPE_INTEL_VTD = 1;
export const IOMMU_HW_INFO_TYPE_ARM_SMMUV3 = 2;
export const IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV = 3;
export const IOMMU_HW_INFO_TYPE_AMD = 4;
export const IOMMU_HW_CAP_DIRTY_TRACKING = 1;
export const IOMMU_HW_CAP_PCI_PASID_EXEC = 2;
export const IOMMU_HW_CAP_PCI_PASID_PRIV = 4;
export const IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED = 8;
export const IOMMU_HW_INFO_FLAG_INPUT_TYPE = 1;
export const IOMMU_HWPT_DIRTY_TRACKING_ENABLE = 1;
export const IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR = 1;
export const IOMMU_HWPT_INVALIDATE_DATA_VTD_S1 = 0;
export const IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 = 1;
export const IOMMU_PGFAULT_FLAGS_PASID_VALID = 1;
export const IOMMU_PGFAULT_FLAGS_LAST_PAGE = 2;
export const IOMMU_PGFAULT_PERM_READ = 1;
export const IOMMU_PGFAULT_PERM_WRITE = 2;
export const IOMMU_PGFAULT_PERM_EXEC = 4;
export const IOMMU_PGFAULT_PERM_PRIV = 8;
export const IOMMUFD_PAGE_RESP_SUCCESS = 0;
export const IOMMUFD_PAGE_RESP_INVALID = 1;
export const IOMMU_VIOMMU_TYPE_DEFAULT = 0;
export const IOMMU_VIOMMU_TYPE_ARM_SMMUV3 = 1;
export const IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV = 2;
export const IOMMU_VEVENTQ_FLAG_LOST_EVENTS = 1;
export const IOMMU_VEVENTQ_TYPE_DEFAULT = 0;
export const IOMMU_VEVENTQ_TYPE_ARM_SMMUV3 = 1;
export const IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV = 2;
export const IOMMU_HW_QUEUE_TYPE_DEFAULT = 0;
export const IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV = 1;

export const iommu_destroy = struct(8, {
  size: u32(0),
  id: u32(4),
});

export const iommu_ioas_alloc = struct(12, {
  size: u32(0),
  flags: u32(4),
  out_ioas_id: u32(8),
});

export const iommu_iova_range = struct(16, {
  start: u64(0),
  last: u64(8),
});

export const iommu_ioas_iova_ranges = struct(32, {
  size: u32(0),
  ioas_id: u32(4),
  num_iovas: u32(8),
  __reserved: u32(12),
  allowed_iovas: u64(16),
  out_iova_alignment: u64(24),
});

export const iommu_ioas_allow_iovas = struct(24, {
  size: u32(0),
  ioas_id: u32(4),
  num_iovas: u32(8),
  __reserved: u32(12),
  allowed_iovas: u64(16),
});

export const iommu_ioas_map = struct(40, {
  size: u32(0),
  flags: u32(4),
  ioas_id: u32(8),
  __reserved: u32(12),
  user_va: u64(16),
  length: u64(24),
  iova: u64(32),
});

export const iommu_ioas_noiommu_get_pa = struct(40, {
  size: u32(0),
  flags: u32(4),
  ioas_id: u32(8),
  __reserved: u32(12),
  iova: u64(16),
  length: u64(24),
  out_phys: u64(32),
});

export const iommu_ioas_map_file = struct(40, {
  size: u32(0),
  flags: u32(4),
  ioas_id: u32(8),
  fd: s32(12),
  start: u64(16),
  length: u64(24),
  iova: u64(32),
});

export const iommu_ioas_copy = struct(40, {
  size: u32(0),
  flags: u32(4),
  dst_ioas_id: u32(8),
  src_ioas_id: u32(12),
  length: u64(16),
  dst_iova: u64(24),
  src_iova: u64(32),
});

export const iommu_ioas_unmap = struct(24, {
  size: u32(0),
  ioas_id: u32(4),
  iova: u64(8),
  length: u64(16),
});

export const iommu_option = struct(24, {
  size: u32(0),
  option_id: u32(4),
  op: u16(8),
  __reserved: u16(10),
  object_id: u32(12),
  val64: u64(16),
});

export const iommu_vfio_ioas = struct(12, {
  size: u32(0),
  ioas_id: u32(4),
  op: u16(8),
  __reserved: u16(10),
});

export const iommu_hwpt_arm_smmuv3 = struct(16, {
  ste: bytes(0, 16),
});

export const iommu_hwpt_alloc = struct(48, {
  size: u32(0),
  flags: u32(4),
  dev_id: u32(8),
  pt_id: u32(12),
  out_hwpt_id: u32(16),
  __reserved: u32(20),
  data_type: u32(24),
  data_len: u32(28),
  data_uptr: u64(32),
  fault_id: u32(40),
  __reserved2: u32(44),
});

export const iommu_hw_info_arm_smmuv3 = struct(40, {
  flags: u32(0),
  __reserved: u32(4),
  idr: bytes(8, 24),
  iidr: u32(32),
  aidr: u32(36),
});

export const iommu_hw_info = struct(40, {
  size: u32(0),
  flags: u32(4),
  dev_id: u32(8),
  data_len: u32(12),
  data_uptr: u64(16),
  in_data_type: u32(24),
  out_data_type: u32(24),
  out_max_pasid_log2: u8(28),
  __reserved: bytes(29, 3),
  out_capabilities: u64(32),
});

export const iommu_hwpt_set_dirty_tracking = struct(16, {
  size: u32(0),
  flags: u32(4),
  hwpt_id: u32(8),
  __reserved: u32(12),
});

export const iommu_hwpt_get_dirty_bitmap = struct(48, {
  size: u32(0),
  hwpt_id: u32(4),
  flags: u32(8),
  __reserved: u32(12),
  iova: u64(16),
  length: u64(24),
  page_size: u64(32),
  data: u64(40),
});

export const iommu_viommu_arm_smmuv3_invalidate = struct(16, {
  cmd: bytes(0, 16),
});

export const iommu_hwpt_invalidate = struct(32, {
  size: u32(0),
  hwpt_id: u32(4),
  data_uptr: u64(8),
  data_type: u32(16),
  entry_len: u32(20),
  entry_num: u32(24),
  __reserved: u32(28),
});

export const iommu_hwpt_pgfault = struct(40, {
  flags: u32(0),
  dev_id: u32(4),
  pasid: u32(8),
  grpid: u32(12),
  perm: u32(16),
  __reserved: u32(20),
  addr: u64(24),
  length: u32(32),
  cookie: u32(36),
});

export const iommu_hwpt_page_response = struct(8, {
  cookie: u32(0),
  code: u32(4),
});

export const iommu_fault_alloc = struct(16, {
  size: u32(0),
  flags: u32(4),
  out_fault_id: u32(8),
  out_fault_fd: u32(12),
});

export const iommu_viommu_alloc = struct(40, {
  size: u32(0),
  flags: u32(4),
  type: u32(8),
  dev_id: u32(12),
  hwpt_id: u32(16),
  out_viommu_id: u32(20),
  data_len: u32(24),
  __reserved: u32(28),
  data_uptr: u64(32),
});

export const iommu_vdevice_alloc = struct(24, {
  size: u32(0),
  viommu_id: u32(4),
  dev_id: u32(8),
  out_vdevice_id: u32(12),
  virt_id: u64(16),
});

export const iommu_ioas_change_process = struct(8, {
  size: u32(0),
  __reserved: u32(4),
});

export const iommu_vevent_arm_smmuv3 = struct(32, {
  evt: bytes(0, 32),
});

export const iommu_veventq_alloc = struct(32, {
  size: u32(0),
  flags: u32(4),
  viommu_id: u32(8),
  type: u32(12),
  veventq_depth: u32(16),
  out_veventq_id: u32(20),
  out_veventq_fd: u32(24),
  __reserved: u32(28),
});

export const iommu_hw_queue_alloc = struct(40, {
  size: u32(0),
  flags: u32(4),
  viommu_id: u32(8),
  type: u32(12),
  index: u32(16),
  out_hw_queue_id: u32(20),
  nesting_parent_iova: u64(24),
  length: u64(32),
});
