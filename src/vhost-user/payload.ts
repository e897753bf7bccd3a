/**
 * What a vhost-user message may carry (vhost-user, "Payload"): each kind of payload as a value, and how it lies on the wire.
 * All integers are little-endian, which is what both ends are on every machine that runs us.
 */
import { vhost_iotlb_msg, vhost_vring_addr, vhost_vring_state } from '../abi/vhost.ts';
import { bytes, packInto, type Struct, struct, type Unpacked, u8, u16, u32, u64, unpack } from '../base/layout.ts';
import { KiB } from '../base/units.ts';
import { PeerFault } from './peer-fault.ts';

/** No payload is longer: what other implementations hold at most (a page), and far more than any message needs. */
export const PAYLOAD_BYTES_MAX = 4 * KiB;

export interface Payload<Value> {
  /** For messages: "a vring state". */
  readonly what: string;
  readonly sizeMin: number;
  readonly sizeMax: number;
  encode(value: Value): Uint8Array;
  /** `bytes` has a size that is allowed; a PeerFault where it contradicts itself. */
  decode(bytes: Uint8Array): Value;
}

/** Bits 0…7 of a vring's u64 are its index, bit 8 says that no file descriptor comes with it ("SET_VRING_KICK"). */
const INDEX_MASK = 0xffn;
const NO_FD = 0x100n;
/** Regions of shared memory that a device may have (virtio 1.4 §2.10: the id has 8 bits). */
const SHMEM_REGIONS = 256;
export const UUID_BYTES = 16;

const memory_table = struct(8, { num_regions: u32(0) });
const memory_region = struct(32, { guest_address: u64(0), size: u64(8), user_address: u64(16), mmap_offset: u64(24) });
const single_region = struct(40, { guest_address: u64(8), size: u64(16), user_address: u64(24), mmap_offset: u64(32) });
const config = struct(12, { offset: u32(0), size: u32(4), flags: u32(8) });
const log = struct(16, { size: u64(0), offset: u64(8) });
const vring_area = struct(24, { u64: u64(0), size: u64(8), offset: u64(16) });
/** Four fields of 20 bytes, and the padding that C puts behind them: with or without it, depending on who sends. */
const inflight = struct(24, { mmap_size: u64(0), mmap_offset: u64(8), num_queues: u16(16), queue_size: u16(18) });
const INFLIGHT_BYTES_MIN = 20;
const device_state = struct(8, { direction: u32(0), phase: u32(4) });
/** Of a device's state: which way it goes, and when ("Migrating back-end state": there is no other phase). */
export const STATE_SAVE = 0;
export const STATE_LOAD = 1;
export const STATE_PHASE_STOPPED = 0;
const mmap = struct(40, { shmid: u8(0), fd_offset: u64(8), shm_offset: u64(16), len: u64(24), flags: u64(32) });
const shmem_config = struct(8 + 8 * SHMEM_REGIONS, { num_regions: u32(0), sizes: bytes(8, 8 * SHMEM_REGIONS) });

export type MemoryRegion = Unpacked<typeof memory_region>;
export type VringAddress = Unpacked<typeof vhost_vring_addr>;
export interface ConfigAccess {
  readonly offset: number;
  readonly flags: number;
  /** As many as are meant: the request for them carries as many. */
  readonly bytes: Uint8Array;
}
/** Memory of the back-end's and where it is to lie ("VIRTIO shared memory regions"). */
export type SharedMapping = Unpacked<typeof mmap>;
/** Of its flags: the guest may write too. */
export const MAPPING_WRITABLE = 1n;
export interface VringFile {
  readonly index: number;
  /** Without one, the ring has none of this kind from now on. */
  readonly hasFd: boolean;
}
export interface VringArea extends VringFile {
  readonly size: bigint;
  readonly offset: bigint;
}
export interface DeviceStateReply {
  /** 0: the transfer may begin. */
  readonly error: number;
  /** The back-end wants to use its own file descriptor instead of ours. */
  readonly hasFd: boolean;
}

export const NOTHING: Payload<undefined> = {
  what: 'nothing',
  ...ofSize(0),
  encode: () => new Uint8Array(),
  decode: () => undefined,
};

/** Bytes that nobody here looks into. */
export const OPAQUE: Payload<Uint8Array> = {
  what: 'bytes',
  ...ofSize(0, PAYLOAD_BYTES_MAX),
  encode: (value) => value,
  decode: (source) => source.slice(),
};

export const U64: Payload<bigint> = {
  what: 'a u64',
  ...ofSize(8),
  encode: (value) => new Uint8Array(BigUint64Array.of(value).buffer),
  decode: (source) => new DataView(source.buffer, source.byteOffset).getBigUint64(0, true),
};

export const VRING_STATE = plain('a vring state', vhost_vring_state);
export const VRING_ADDR = plain('a vring address', vhost_vring_addr);
export const SINGLE_REGION = plain('a memory region', single_region);
export const LOG = plain('a log description', log);
export const INFLIGHT = plain('an inflight description', inflight, INFLIGHT_BYTES_MIN);
export const DEVICE_STATE = plain('a device state transfer', device_state);
export const IOTLB = plain('an IOTLB message', vhost_iotlb_msg);
export const MMAP = plain('a mapping', mmap);

export const UUID: Payload<Uint8Array> = { ...OPAQUE, what: 'a UUID', ...ofSize(UUID_BYTES) };

export const VRING_FILE: Payload<VringFile> = {
  what: 'a vring index',
  ...ofSize(U64.sizeMin),
  encode: (file) => U64.encode(encodeFile(file)),
  decode: (source) => decodeFile(U64.decode(source)),
};

export const VRING_AREA: Payload<VringArea> = {
  what: 'a vring area',
  ...ofSize(vring_area.size),
  encode: ({ size, offset, ...file }) => encodeStruct(vring_area, { u64: encodeFile(file), size, offset }),
  decode(source) {
    const { u64: file, size, offset } = unpack(vring_area, source);
    return { ...decodeFile(file), size, offset };
  },
};

export const DEVICE_STATE_REPLY: Payload<DeviceStateReply> = {
  what: 'a device state reply',
  ...ofSize(U64.sizeMin),
  encode: ({ error, hasFd }) => U64.encode(encodeFile({ index: error, hasFd })),
  decode(source) {
    const { index, hasFd } = decodeFile(U64.decode(source));
    return { error: index, hasFd };
  },
};

export const MEMORY_TABLE: Payload<readonly MemoryRegion[]> = {
  what: 'a memory table',
  ...ofSize(memory_table.size, PAYLOAD_BYTES_MAX),
  encode(regions) {
    const target = new Uint8Array(memory_table.size + regions.length * memory_region.size);
    packInto(target, memory_table, { num_regions: regions.length });
    regions.forEach((region, index) => {
      packInto(target.subarray(memory_table.size + index * memory_region.size), memory_region, region);
    });
    return target;
  },
  decode(source) {
    const { num_regions } = unpack(memory_table, source);
    const size = memory_table.size + num_regions * memory_region.size;
    if (size !== source.length) {
      throw new PeerFault(`a memory table of ${num_regions} regions has ${size} bytes, not ${source.length}`);
    }
    return Array.from({ length: num_regions }, (_, index) =>
      unpack(memory_region, source.subarray(memory_table.size + index * memory_region.size)),
    );
  },
};

/** A reply without a byte, or with size 0, is how back-ends say that they have no such part of a config space. */
export const CONFIG: Payload<ConfigAccess> = {
  what: 'a config space access',
  ...ofSize(0, PAYLOAD_BYTES_MAX),
  encode({ offset, flags, bytes: part }) {
    const target = new Uint8Array(config.size + part.length);
    packInto(target, config, { offset, size: part.length, flags });
    target.set(part, config.size);
    return target;
  },
  decode(source) {
    if (source.length === 0) return { offset: 0, flags: 0, bytes: new Uint8Array() };
    if (source.length < config.size) {
      throw new PeerFault(`a config space access has ${config.size} bytes at least, not ${source.length}`);
    }
    const { offset, size, flags } = unpack(config, source);
    if (size !== source.length - config.size) {
      throw new PeerFault(`a config space access of ${size} bytes carries ${source.length - config.size}`);
    }
    return { offset, flags, bytes: source.slice(config.size) };
  },
};

/** The size of each region; 0 where there is none of that id. */
export const SHMEM_CONFIG: Payload<readonly bigint[]> = {
  what: 'the shared memory regions',
  ...ofSize(shmem_config.size),
  encode(sizes) {
    const num_regions = sizes.filter((size) => size > 0n).length;
    return encodeStruct(shmem_config, { num_regions, sizes: new Uint8Array(BigUint64Array.from(sizes).buffer) });
  },
  decode(source) {
    const { num_regions, sizes: list } = unpack(shmem_config, source);
    const sizes = [...new BigUint64Array(list.buffer)];
    const count = sizes.filter((size) => size > 0n).length;
    if (num_regions !== count)
      throw new PeerFault(`it counts ${num_regions} regions of shared memory and has ${count}`);
    return sizes;
  },
};

/** A payload that is one struct, by the names of its fields. */
function plain<S extends Struct>(what: string, layout: S, sizeMin = layout.size): Payload<Unpacked<S>> {
  return {
    what,
    ...ofSize(sizeMin, layout.size),
    encode: (value) => encodeStruct(layout, value),
    decode: (source) => unpack(layout, source),
  };
}

function encodeStruct<S extends Struct>(layout: S, value: Unpacked<S>): Uint8Array {
  const target = new Uint8Array(layout.size);
  packInto(target, layout, value);
  return target;
}

function ofSize(sizeMin: number, sizeMax = sizeMin) {
  return { sizeMin, sizeMax } as const;
}

function encodeFile({ index, hasFd }: VringFile): bigint {
  return BigInt(index) | (hasFd ? 0n : NO_FD);
}

function decodeFile(value: bigint): VringFile {
  if ((value & ~(INDEX_MASK | NO_FD)) !== 0n) throw new PeerFault(`0x${value.toString(16)} is no index of a vring`);
  return { index: Number(value & INDEX_MASK), hasFd: (value & NO_FD) === 0n };
}
