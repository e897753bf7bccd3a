/** Feature bits by the names that headers and specification give them, for people. */
import * as virtio from '../abi/virtio.ts';
import * as balloon from '../abi/virtio-balloon.ts';
import * as blk from '../abi/virtio-blk.ts';
import * as can from '../abi/virtio-can.ts';
import * as console from '../abi/virtio-console.ts';
import * as gpio from '../abi/virtio-gpio.ts';
import * as gpu from '../abi/virtio-gpu.ts';
import * as i2c from '../abi/virtio-i2c.ts';
import * as iommu from '../abi/virtio-iommu.ts';
import * as mem from '../abi/virtio-mem.ts';
import * as net from '../abi/virtio-net.ts';
import * as pmem from '../abi/virtio-pmem.ts';
import * as rtc from '../abi/virtio-rtc.ts';
import * as scmi from '../abi/virtio-scmi.ts';
import * as scsi from '../abi/virtio-scsi.ts';
import * as sound from '../abi/virtio-snd.ts';
import * as vsock from '../abi/virtio-vsock.ts';
import * as protocol from './protocol-features.ts';

type Names = ReadonlyMap<number, string>;

const BITS = 64;
/** Of any device: rings and transport (virtio 1.4 §6). Where a bit has two names the later one is current. */
const COMMON = namesIn(virtio, /^VIRTIO_(RING_)?F_/);
COMMON.set(virtio.VIRTIO_F_ACCESS_PLATFORM, 'VIRTIO_F_ACCESS_PLATFORM');
COMMON.set(protocol.VHOST_USER_F_PROTOCOL_FEATURES, 'VHOST_USER_F_PROTOCOL_FEATURES');
const LOG_ALL = 26;
COMMON.set(LOG_ALL, 'VHOST_F_LOG_ALL');

/** Bits of virtio 1.4 §5.10.3 that the kernel's header does not have. */
const VSOCK_ONLY_SPEC: readonly [number, string][] = [
  [0, 'VIRTIO_VSOCK_F_STREAM'],
  [2, 'VIRTIO_VSOCK_F_NO_IMPLIED_STREAM'],
];

/** By device id. A type without bits of its own has an empty table. */
const OWN: ReadonlyMap<number, Names> = new Map([
  [virtio.VIRTIO_ID_BALLOON, namesIn(balloon, /^VIRTIO_BALLOON_F_/)],
  // VIRTIO_BLK_F_WCE is the old name of FLUSH.
  [virtio.VIRTIO_ID_BLOCK, namesIn(blk, /^VIRTIO_BLK_F_(?!WCE$)/)],
  [virtio.VIRTIO_ID_CAN, namesIn(can, /^VIRTIO_CAN_F_/)],
  [virtio.VIRTIO_ID_CLOCK, namesIn(rtc, /^VIRTIO_RTC_F_/)],
  [virtio.VIRTIO_ID_CONSOLE, namesIn(console, /^VIRTIO_CONSOLE_F_/)],
  [virtio.VIRTIO_ID_FS, new Map([[0, 'VIRTIO_FS_F_NOTIFICATION']])],
  [virtio.VIRTIO_ID_GPIO, namesIn(gpio, /^VIRTIO_GPIO_F_/)],
  [virtio.VIRTIO_ID_GPU, namesIn(gpu, /^VIRTIO_GPU_F_/)],
  [virtio.VIRTIO_ID_I2C_ADAPTER, namesIn(i2c, /^VIRTIO_I2C_F_/)],
  [virtio.VIRTIO_ID_INPUT, new Map()],
  [virtio.VIRTIO_ID_IOMMU, namesIn(iommu, /^VIRTIO_IOMMU_F_/)],
  [virtio.VIRTIO_ID_MEM, namesIn(mem, /^VIRTIO_MEM_F_/)],
  [virtio.VIRTIO_ID_NET, namesIn(net, /^VIRTIO_NET_F_/)],
  [virtio.VIRTIO_ID_PMEM, namesIn(pmem, /^VIRTIO_PMEM_F_/)],
  [virtio.VIRTIO_ID_RNG, new Map()],
  [virtio.VIRTIO_ID_SCMI, namesIn(scmi, /^VIRTIO_SCMI_F_/)],
  [virtio.VIRTIO_ID_SCSI, namesIn(scsi, /^VIRTIO_SCSI_F_/)],
  [virtio.VIRTIO_ID_SOUND, namesIn(sound, /^VIRTIO_SND_F_/)],
  [virtio.VIRTIO_ID_SPI, new Map()],
  [virtio.VIRTIO_ID_VSOCK, new Map([...VSOCK_ONLY_SPEC, ...namesIn(vsock, /^VIRTIO_VSOCK_F_/)])],
]);
const PROTOCOL = namesIn(protocol, /^VHOST_USER_PROTOCOL_F_/);

/** Names of the bits of `mask`, lowest first; those of a device type only where its id is known. "bit 57" for others. */
export function featureNames(mask: bigint, id?: number): string[] {
  const own = id === undefined ? undefined : OWN.get(id);
  return bitsOf(mask).map((bit) => own?.get(bit) ?? COMMON.get(bit) ?? `bit ${bit}`);
}

export function protocolFeatureNames(mask: bigint): string[] {
  return bitsOf(mask).map((bit) => PROTOCOL.get(bit) ?? `bit ${bit}`);
}

/** Whether the device type has a bit of that number; undefined where the type is not known here. */
export function hasFeatureName(bit: number, id: number): boolean | undefined {
  return OWN.get(id)?.has(bit);
}

export function bitsOf(mask: bigint): number[] {
  return Array.from({ length: BITS }, (_, bit) => bit).filter((bit) => (mask >> BigInt(bit)) & 1n);
}

function namesIn(module: object, pattern: RegExp): Map<number, string> {
  const found = Object.entries(module).filter(([name]) => pattern.test(name)) as [string, number][];
  return new Map(found.map(([name, bit]) => [bit, name]));
}
