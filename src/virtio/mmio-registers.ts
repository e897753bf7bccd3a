/** The registers of virtio-mmio, in the words of virtio 1.4, table "MMIO Device Register Layout" (§4.2.2). */
export const Reg = {
  MagicValue: 0x000 /* R */,
  Version: 0x004 /* R */,
  DeviceID: 0x008 /* R */,
  VendorID: 0x00c /* R */,
  DeviceFeatures: 0x010 /* R */,
  DeviceFeaturesSel: 0x014 /* W */,
  DriverFeatures: 0x020 /* W */,
  DriverFeaturesSel: 0x024 /* W */,
  QueueSel: 0x030 /* W */,
  QueueSizeMax: 0x034 /* R */,
  QueueSize: 0x038 /* W */,
  QueueReady: 0x044 /* RW */,
  QueueNotify: 0x050 /* W */,
  InterruptStatus: 0x060 /* R */,
  InterruptACK: 0x064 /* W */,
  Status: 0x070 /* RW */,
  QueueDescLow: 0x080 /* W */,
  QueueDescHigh: 0x084 /* W */,
  QueueDriverLow: 0x090 /* W */,
  QueueDriverHigh: 0x094 /* W */,
  QueueDeviceLow: 0x0a0 /* W */,
  QueueDeviceHigh: 0x0a4 /* W */,
  SHMSel: 0x0ac /* W */,
  SHMLenLow: 0x0b0 /* R */,
  SHMLenHigh: 0x0b4 /* R */,
  SHMBaseLow: 0x0b8 /* R */,
  SHMBaseHigh: 0x0bc /* R */,
  QueueReset: 0x0c0 /* RW */,
  ConfigGeneration: 0x0fc /* R */,
  Config: 0x100 /* RW */,
} as const;

/** The registers, and a config space as long as any that is defined. */
export const REGISTER_BYTES = 0x200;

/** "virt", little-endian. */
export const MAGIC = 0x7472_6976;
export const VERSION = 2;
/** Virtio has no registry of vendors; "ORKO" tells whose device it is. */
export const VENDOR = 0x4f4b_524f;
