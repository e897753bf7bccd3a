/**
 * VFIO containers, groups, devices, regions and interrupts: linux/vfio.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, s32, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const VFIO_API_VERSION = 0;
export const VFIO_TYPE1_IOMMU = 1;
export const VFIO_TYPE1v2_IOMMU = 3;
export const VFIO_DMA_CC_IOMMU = 4;
export const VFIO_EEH = 5;
export const VFIO_NOIOMMU_IOMMU = 8;
export const VFIO_UNMAP_ALL = 9;
export const VFIO_UPDATE_VADDR = 10;
export const VFIO_TYPE = 0x3b;
export const VFIO_BASE = 100;
export const VFIO_GET_API_VERSION = 0x3b64;
export const VFIO_CHECK_EXTENSION = 0x3b65;
export const VFIO_SET_IOMMU = 0x3b66;
export const VFIO_GROUP_FLAGS_VIABLE = 1;
export const VFIO_GROUP_FLAGS_CONTAINER_SET = 2;
export const VFIO_GROUP_GET_STATUS = 0x3b67;
export const VFIO_GROUP_SET_CONTAINER = 0x3b68;
export const VFIO_GROUP_UNSET_CONTAINER = 0x3b69;
export const VFIO_GROUP_GET_DEVICE_FD = 0x3b6a;
export const VFIO_DEVICE_FLAGS_RESET = 1;
export const VFIO_DEVICE_FLAGS_PCI = 2;
export const VFIO_DEVICE_FLAGS_PLATFORM = 4;
export const VFIO_DEVICE_FLAGS_AMBA = 8;
export const VFIO_DEVICE_FLAGS_CCW = 0x10;
export const VFIO_DEVICE_FLAGS_AP = 0x20;
export const VFIO_DEVICE_FLAGS_FSL_MC = 0x40;
export const VFIO_DEVICE_FLAGS_CAPS = 0x80;
export const VFIO_DEVICE_FLAGS_CDX = 0x100;
export const VFIO_DEVICE_GET_INFO = 0x3b6b;
export const VFIO_DEVICE_INFO_CAP_ZPCI_BASE = 1;
export const VFIO_DEVICE_INFO_CAP_ZPCI_GROUP = 2;
export const VFIO_DEVICE_INFO_CAP_ZPCI_UTIL = 3;
export const VFIO_DEVICE_INFO_CAP_ZPCI_PFIP = 4;
export const VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP = 5;
export const VFIO_PCI_ATOMIC_COMP32 = 1;
export const VFIO_PCI_ATOMIC_COMP64 = 2;
export const VFIO_PCI_ATOMIC_COMP128 = 4;
export const VFIO_REGION_INFO_FLAG_READ = 1;
export const VFIO_REGION_INFO_FLAG_WRITE = 2;
export const VFIO_REGION_INFO_FLAG_MMAP = 4;
export const VFIO_REGION_INFO_FLAG_CAPS = 8;
export const VFIO_DEVICE_GET_REGION_INFO = 0x3b6c;
export const VFIO_REGION_INFO_CAP_SPARSE_MMAP = 1;
export const VFIO_REGION_INFO_CAP_TYPE = 2;
export const VFIO_REGION_TYPE_PCI_VENDOR_TYPE = -2147483648;
export const VFIO_REGION_TYPE_PCI_VENDOR_MASK = 0xffff;
export const VFIO_REGION_TYPE_GFX = 1;
export const VFIO_REGION_TYPE_MIGRATION_DEPRECATED = 3;
export const VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION = 1;
export const VFIO_REGION_SUBTYPE_INTEL_IGD_HOST_CFG = 2;
export const VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG = 3;
export const VFIO_REGION_SUBTYPE_GFX_EDID = 1;
export const VFIO_DEVICE_GFX_LINK_STATE_UP = 1;
export const VFIO_DEVICE_GFX_LINK_STATE_DOWN = 2;
export const VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED = 1;
export const VFIO_DEVICE_STATE_V1_STOP = 0;
export const VFIO_DEVICE_STATE_V1_RUNNING = 1;
export const VFIO_DEVICE_STATE_V1_SAVING = 2;
export const VFIO_DEVICE_STATE_V1_RESUMING = 4;
export const VFIO_DEVICE_STATE_MASK = 7;
export const VFIO_REGION_INFO_CAP_MSIX_MAPPABLE = 3;
export const VFIO_IRQ_INFO_EVENTFD = 1;
export const VFIO_IRQ_INFO_MASKABLE = 2;
export const VFIO_IRQ_INFO_AUTOMASKED = 4;
export const VFIO_IRQ_INFO_NORESIZE = 8;
export const VFIO_DEVICE_GET_IRQ_INFO = 0x3b6d;
export const VFIO_IRQ_SET_DATA_NONE = 1;
export const VFIO_IRQ_SET_DATA_BOOL = 2;
export const VFIO_IRQ_SET_DATA_EVENTFD = 4;
export const VFIO_IRQ_SET_ACTION_MASK = 8;
export const VFIO_IRQ_SET_ACTION_UNMASK = 0x10;
export const VFIO_IRQ_SET_ACTION_TRIGGER = 0x20;
export const VFIO_DEVICE_SET_IRQS = 0x3b6e;
export const VFIO_IRQ_SET_DATA_TYPE_MASK = 7;
export const VFIO_IRQ_SET_ACTION_TYPE_MASK = 0x38;
export const VFIO_DEVICE_RESET = 0x3b6f;
export const VFIO_PCI_DEVID_OWNED = 0;
export const VFIO_PCI_DEVID_NOT_OWNED = -1;
export const VFIO_PCI_HOT_RESET_FLAG_DEV_ID = 1;
export const VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED = 2;
export const VFIO_DEVICE_GET_PCI_HOT_RESET_INFO = 0x3b70;
export const VFIO_DEVICE_PCI_HOT_RESET = 0x3b71;
export const VFIO_GFX_PLANE_TYPE_PROBE = 1;
export const VFIO_GFX_PLANE_TYPE_DMABUF = 2;
export const VFIO_GFX_PLANE_TYPE_REGION = 4;
export const VFIO_DEVICE_QUERY_GFX_PLANE = 0x3b72;
export const VFIO_DEVICE_GET_GFX_DMABUF = 0x3b73;
export const VFIO_DEVICE_IOEVENTFD_8 = 1;
export const VFIO_DEVICE_IOEVENTFD_16 = 2;
export const VFIO_DEVICE_IOEVENTFD_32 = 4;
export const VFIO_DEVICE_IOEVENTFD_64 = 8;
export const VFIO_DEVICE_IOEVENTFD_SIZE_MASK = 0xf;
export const VFIO_DEVICE_IOEVENTFD = 0x3b74;
export const VFIO_DEVICE_FEATURE_MASK = 0xffff;
export const VFIO_DEVICE_FEATURE_GET = 0x10000;
export const VFIO_DEVICE_FEATURE_SET = 0x20000;
export const VFIO_DEVICE_FEATURE_PROBE = 0x40000;
export const VFIO_DEVICE_FEATURE = 0x3b75;
export const VFIO_DEVICE_BIND_FLAG_TOKEN = 1;
export const VFIO_DEVICE_BIND_IOMMUFD = 0x3b76;
export const VFIO_DEVICE_ATTACH_PASID = 1;
export const VFIO_DEVICE_ATTACH_IOMMUFD_PT = 0x3b77;
export const VFIO_DEVICE_DETACH_PASID = 1;
export const VFIO_DEVICE_DETACH_IOMMUFD_PT = 0x3b78;
export const VFIO_DEVICE_FEATURE_PCI_VF_TOKEN = 0;
export const VFIO_MIGRATION_STOP_COPY = 1;
export const VFIO_MIGRATION_P2P = 2;
export const VFIO_MIGRATION_PRE_COPY = 4;
export const VFIO_DEVICE_FEATURE_MIGRATION = 1;
export const VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE = 2;
export const VFIO_PRECOPY_INFO_REINIT = 1;
export const VFIO_MIG_GET_PRECOPY_INFO = 0x3b79;
export const VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY = 3;
export const VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP = 4;
export const VFIO_DEVICE_FEATURE_LOW_POWER_EXIT = 5;
export const VFIO_DEVICE_FEATURE_DMA_LOGGING_START = 6;
export const VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP = 7;
export const VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT = 8;
export const VFIO_DEVICE_FEATURE_MIG_DATA_SIZE = 9;
export const VFIO_DEVICE_FEATURE_CLEAR_MASTER = 0;
export const VFIO_DEVICE_FEATURE_SET_MASTER = 1;
export const VFIO_DEVICE_FEATURE_BUS_MASTER = 10;
export const VFIO_DEVICE_FEATURE_DMA_BUF = 11;
export const VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2 = 12;
export const VFIO_DEVICE_FEATURE_ZPCI_ERROR = 13;
export const VFIO_IOMMU_INFO_PGSIZES = 1;
export const VFIO_IOMMU_INFO_CAPS = 2;
export const VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE = 1;
export const VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION = 2;
export const VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL = 3;
export const VFIO_IOMMU_GET_INFO = 0x3b70;
export const VFIO_DMA_MAP_FLAG_READ = 1;
export const VFIO_DMA_MAP_FLAG_WRITE = 2;
export const VFIO_DMA_MAP_FLAG_VADDR = 4;
export const VFIO_IOMMU_MAP_DMA = 0x3b71;
export const VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP = 1;
export const VFIO_DMA_UNMAP_FLAG_ALL = 2;
export const VFIO_DMA_UNMAP_FLAG_VADDR = 4;
export const VFIO_IOMMU_UNMAP_DMA = 0x3b72;
export const VFIO_IOMMU_ENABLE = 0x3b73;
export const VFIO_IOMMU_DISABLE = 0x3b74;
export const VFIO_IOMMU_DIRTY_PAGES_FLAG_START = 1;
export const VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP = 2;
export const VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP = 4;
export const VFIO_IOMMU_DIRTY_PAGES = 0x3b75;
export const VFIO_PCI_BAR0_REGION_INDEX = 0;
export const VFIO_PCI_BAR1_REGION_INDEX = 1;
export const VFIO_PCI_BAR2_REGION_INDEX = 2;
export const VFIO_PCI_BAR3_REGION_INDEX = 3;
export const VFIO_PCI_BAR4_REGION_INDEX = 4;
export const VFIO_PCI_BAR5_REGION_INDEX = 5;
export const VFIO_PCI_ROM_REGION_INDEX = 6;
export const VFIO_PCI_CONFIG_REGION_INDEX = 7;
export const VFIO_PCI_VGA_REGION_INDEX = 8;
export const VFIO_PCI_NUM_REGIONS = 9;
export const VFIO_PCI_INTX_IRQ_INDEX = 0;
export const VFIO_PCI_MSI_IRQ_INDEX = 1;
export const VFIO_PCI_MSIX_IRQ_INDEX = 2;
export const VFIO_PCI_ERR_IRQ_INDEX = 3;
export const VFIO_PCI_REQ_IRQ_INDEX = 4;
export const VFIO_PCI_NUM_IRQS = 5;
export const VFIO_AP_REQ_IRQ_INDEX = 0;
export const VFIO_AP_CFG_CHG_IRQ_INDEX = 1;
export const VFIO_AP_NUM_IRQS = 2;
export const VFIO_DEVICE_STATE_ERROR = 0;
export const VFIO_DEVICE_STATE_STOP = 1;
export const VFIO_DEVICE_STATE_RUNNING = 2;
export const VFIO_DEVICE_STATE_STOP_COPY = 3;
export const VFIO_DEVICE_STATE_RESUMING = 4;
export const VFIO_DEVICE_STATE_RUNNING_P2P = 5;
export const VFIO_DEVICE_STATE_PRE_COPY = 6;
export const VFIO_DEVICE_STATE_PRE_COPY_P2P = 7;
export const VFIO_DEVICE_STATE_NR = 8;

export const vfio_info_cap_header = struct(8, {
  id: u16(0),
  version: u16(2),
  next: u32(4),
});

export const vfio_group_status = struct(8, {
  argsz: u32(0),
  flags: u32(4),
});

export const vfio_device_info = struct(24, {
  argsz: u32(0),
  flags: u32(4),
  num_regions: u32(8),
  num_irqs: u32(12),
  cap_offset: u32(16),
  pad: u32(20),
});

export const vfio_device_info_cap_pci_atomic_comp = struct(16, {
  'header.id': u16(0),
  'header.version': u16(2),
  'header.next': u32(4),
  flags: u32(8),
  reserved: u32(12),
});

export const vfio_region_info = struct(32, {
  argsz: u32(0),
  flags: u32(4),
  index: u32(8),
  cap_offset: u32(12),
  size: u64(16),
  offset: u64(24),
});

export const vfio_region_sparse_mmap_area = struct(16, {
  offset: u64(0),
  size: u64(8),
});

export const vfio_region_info_cap_sparse_mmap = struct(16, {
  'header.id': u16(0),
  'header.version': u16(2),
  'header.next': u32(4),
  nr_areas: u32(8),
  reserved: u32(12),
  areas: bytes(16, 0),
});

export const vfio_region_info_cap_type = struct(16, {
  'header.id': u16(0),
  'header.version': u16(2),
  'header.next': u32(4),
  type: u32(8),
  subtype: u32(12),
});

export const vfio_region_gfx_edid = struct(24, {
  edid_offset: u32(0),
  edid_max_size: u32(4),
  edid_size: u32(8),
  max_xres: u32(12),
  max_yres: u32(16),
  link_state: u32(20),
});

export const vfio_device_migration_info = struct(32, {
  device_state: u32(0),
  reserved: u32(4),
  pending_bytes: u64(8),
  data_offset: u64(16),
  data_size: u64(24),
});

export const vfio_irq_info = struct(16, {
  argsz: u32(0),
  flags: u32(4),
  index: u32(8),
  count: u32(12),
});

export const vfio_irq_set = struct(20, {
  argsz: u32(0),
  flags: u32(4),
  index: u32(8),
  start: u32(12),
  count: u32(16),
  data: bytes(20, 0),
});

export const vfio_pci_dependent_device = struct(8, {
  group_id: u32(0),
  devid: u32(0),
  segment: u16(4),
  bus: u8(6),
  devfn: u8(7),
});

export const vfio_pci_hot_reset_info = struct(12, {
  argsz: u32(0),
  flags: u32(4),
  count: u32(8),
  devices: bytes(12, 0),
});

export const vfio_pci_hot_reset = struct(12, {
  argsz: u32(0),
  flags: u32(4),
  count: u32(8),
  group_fds: bytes(12, 0),
});

export const vfio_device_gfx_plane_info = struct(64, {
  argsz: u32(0),
  flags: u32(4),
  drm_plane_type: u32(8),
  drm_format: u32(12),
  drm_format_mod: u64(16),
  width: u32(24),
  height: u32(28),
  stride: u32(32),
  size: u32(36),
  x_pos: u32(40),
  y_pos: u32(44),
  x_hot: u32(48),
  y_hot: u32(52),
  region_index: u32(56),
  dmabuf_id: u32(56),
  reserved: u32(60),
});

export const vfio_device_ioeventfd = struct(32, {
  argsz: u32(0),
  flags: u32(4),
  offset: u64(8),
  data: u64(16),
  fd: s32(24),
  reserved: u32(28),
});

export const vfio_device_feature = struct(8, {
  argsz: u32(0),
  flags: u32(4),
  data: bytes(8, 0),
});

export const vfio_device_bind_iommufd = struct(24, {
  argsz: u32(0),
  flags: u32(4),
  iommufd: s32(8),
  out_devid: u32(12),
  token_uuid_ptr: u64(16),
});

export const vfio_device_attach_iommufd_pt = struct(16, {
  argsz: u32(0),
  flags: u32(4),
  pt_id: u32(8),
  pasid: u32(12),
});

export const vfio_device_detach_iommufd_pt = struct(12, {
  argsz: u32(0),
  flags: u32(4),
  pasid: u32(8),
});

export const vfio_device_feature_migration = struct(8, {
  flags: u64(0),
});

export const vfio_device_feature_mig_state = struct(8, {
  device_state: u32(0),
  data_fd: s32(4),
});

export const vfio_precopy_info = struct(24, {
  argsz: u32(0),
  flags: u32(4),
  initial_bytes: u64(8),
  dirty_bytes: u64(16),
});

export const vfio_device_low_power_entry_with_wakeup = struct(8, {
  wakeup_eventfd: s32(0),
  reserved: u32(4),
});

export const vfio_device_feature_dma_logging_control = struct(24, {
  page_size: u64(0),
  num_ranges: u32(8),
  __reserved: u32(12),
  ranges: u64(16),
});

export const vfio_device_feature_dma_logging_range = struct(16, {
  iova: u64(0),
  length: u64(8),
});

export const vfio_device_feature_dma_logging_report = struct(32, {
  iova: u64(0),
  length: u64(8),
  page_size: u64(16),
  bitmap: u64(24),
});

export const vfio_device_feature_mig_data_size = struct(8, {
  stop_copy_length: u64(0),
});

export const vfio_device_feature_bus_master = struct(4, {
  op: u32(0),
});

export const vfio_region_dma_range = struct(16, {
  offset: u64(0),
  length: u64(8),
});

export const vfio_device_feature_dma_buf = struct(16, {
  region_index: u32(0),
  open_flags: u32(4),
  flags: u32(8),
  nr_ranges: u32(12),
  dma_ranges: bytes(16, 0),
});

export const vfio_iommu_type1_info = struct(24, {
  argsz: u32(0),
  flags: u32(4),
  iova_pgsizes: u64(8),
  cap_offset: u32(16),
  pad: u32(20),
});

export const vfio_iova_range = struct(16, {
  start: u64(0),
  end: u64(8),
});

export const vfio_iommu_type1_info_cap_iova_range = struct(16, {
  'header.id': u16(0),
  'header.version': u16(2),
  'header.next': u32(4),
  nr_iovas: u32(8),
  reserved: u32(12),
  iova_ranges: bytes(16, 0),
});

export const vfio_iommu_type1_info_cap_migration = struct(32, {
  'header.id': u16(0),
  'header.version': u16(2),
  'header.next': u32(4),
  flags: u32(8),
  pgsize_bitmap: u64(16),
  max_dirty_bitmap_size: u64(24),
});

export const vfio_iommu_type1_info_dma_avail = struct(12, {
  'header.id': u16(0),
  'header.version': u16(2),
  'header.next': u32(4),
  avail: u32(8),
});

export const vfio_iommu_type1_dma_map = struct(32, {
  argsz: u32(0),
  flags: u32(4),
  vaddr: u64(8),
  iova: u64(16),
  size: u64(24),
});

export const vfio_bitmap = struct(24, {
  pgsize: u64(0),
  size: u64(8),
  data: u64(16),
});

export const vfio_iommu_type1_dma_unmap = struct(24, {
  argsz: u32(0),
  flags: u32(4),
  iova: u64(8),
  size: u64(16),
  data: bytes(24, 0),
});

export const vfio_iommu_type1_dirty_bitmap = struct(8, {
  argsz: u32(0),
  flags: u32(4),
  data: bytes(8, 0),
});

export const vfio_iommu_type1_dirty_bitmap_get = struct(40, {
  iova: u64(0),
  size: u64(8),
  'bitmap.pgsize': u64(16),
  'bitmap.size': u64(24),
  'bitmap.data': u64(32),
});
