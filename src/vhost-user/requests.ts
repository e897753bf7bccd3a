/**
 * Every vhost-user request that a front-end (the VMM) or a back-end (the device) may make: its number, what it carries, what
 * answers it, what it needs. The source is QEMU's docs/interop/vhost-user.rst; its sections are named by their titles.
 */
import {
  CONFIG,
  DEVICE_STATE,
  DEVICE_STATE_REPLY,
  INFLIGHT,
  IOTLB,
  LOG,
  MEMORY_TABLE,
  MMAP,
  NOTHING,
  OPAQUE,
  type Payload,
  SHMEM_CONFIG,
  SINGLE_REGION,
  U64,
  UUID,
  VRING_ADDR,
  VRING_AREA,
  VRING_FILE,
  VRING_STATE,
} from './payload.ts';
import * as feature from './protocol-features.ts';

/** A request or its answer: what it carries. */
export interface Part<Value> {
  readonly payload: Payload<Value>;
  /** Whether so many file descriptors belong to it. */
  fits(fdCount: number, value: Value): boolean;
}

export interface Kind {
  readonly id: number;
  readonly request: Part<unknown>;
  /** Absent where only a status answers, and that only if the sender asks for it ("REPLY_ACK"). */
  readonly reply?: Part<unknown>;
  /** The protocol feature (its bit) without which it must not be sent. */
  readonly needs?: number;
}

export type Kinds = Readonly<Record<string, Kind>>;

/** How many file descriptors come with it: so many, one or none as the sender likes, or as the payload says. */
export function part<Value>(
  payload: Payload<Value>,
  fds: number | 'optional' | ((value: Value) => number) = 0,
): Part<Value> {
  if (fds === 'optional') return { payload, fits: (count) => count <= 1 };
  return { payload, fits: (count, value) => count === (typeof fds === 'number' ? fds : fds(value)) };
}

const oneIfSaid = ({ hasFd }: { readonly hasFd: boolean }) => (hasFd ? 1 : 0);
const vringFile = part(VRING_FILE, oneIfSaid);

/** "Front-end message types". SET_MEM_TABLE and ADD_MEM_REG are answered in postcopy migration alone, which is not ours. */
export const FRONT_END_REQUESTS = {
  GET_FEATURES: { id: 1, request: part(NOTHING), reply: part(U64) },
  SET_FEATURES: { id: 2, request: part(U64) },
  SET_OWNER: { id: 3, request: part(NOTHING) },
  RESET_OWNER: { id: 4, request: part(NOTHING) },
  SET_MEM_TABLE: { id: 5, request: part(MEMORY_TABLE, (regions) => regions.length) },
  // Its answer is a log description, or a u64, or what else a back-end thinks of.
  SET_LOG_BASE: { id: 6, request: part(LOG, 1), reply: part(OPAQUE), needs: feature.VHOST_USER_PROTOCOL_F_LOG_SHMFD },
  SET_LOG_FD: { id: 7, request: part(NOTHING, 1) },
  SET_VRING_NUM: { id: 8, request: part(VRING_STATE) },
  SET_VRING_ADDR: { id: 9, request: part(VRING_ADDR) },
  SET_VRING_BASE: { id: 10, request: part(VRING_STATE) },
  GET_VRING_BASE: { id: 11, request: part(VRING_STATE), reply: part(VRING_STATE) },
  SET_VRING_KICK: { id: 12, request: vringFile },
  SET_VRING_CALL: { id: 13, request: vringFile },
  SET_VRING_ERR: { id: 14, request: vringFile },
  GET_PROTOCOL_FEATURES: { id: 15, request: part(NOTHING), reply: part(U64) },
  SET_PROTOCOL_FEATURES: { id: 16, request: part(U64) },
  GET_QUEUE_NUM: { id: 17, request: part(NOTHING), reply: part(U64), needs: feature.VHOST_USER_PROTOCOL_F_MQ },
  SET_VRING_ENABLE: { id: 18, request: part(VRING_STATE) },
  SEND_RARP: { id: 19, request: part(U64), needs: feature.VHOST_USER_PROTOCOL_F_RARP },
  NET_SET_MTU: { id: 20, request: part(U64), needs: feature.VHOST_USER_PROTOCOL_F_MTU },
  SET_BACKEND_REQ_FD: { id: 21, request: part(NOTHING, 1), needs: feature.VHOST_USER_PROTOCOL_F_BACKEND_REQ },
  IOTLB_MSG: { id: 22, request: part(IOTLB), reply: part(U64) },
  SET_VRING_ENDIAN: { id: 23, request: part(VRING_STATE), needs: feature.VHOST_USER_PROTOCOL_F_CROSS_ENDIAN },
  GET_CONFIG: { id: 24, request: part(CONFIG), reply: part(CONFIG), needs: feature.VHOST_USER_PROTOCOL_F_CONFIG },
  SET_CONFIG: { id: 25, request: part(CONFIG), needs: feature.VHOST_USER_PROTOCOL_F_CONFIG },
  // The section "Crypto session" gives no layout; QEMU's structs are what they hold.
  CREATE_CRYPTO_SESSION: {
    ...{ id: 26, request: part(OPAQUE), reply: part(OPAQUE) },
    needs: feature.VHOST_USER_PROTOCOL_F_CRYPTO_SESSION,
  },
  CLOSE_CRYPTO_SESSION: { id: 27, request: part(U64), needs: feature.VHOST_USER_PROTOCOL_F_CRYPTO_SESSION },
  POSTCOPY_ADVISE: {
    ...{ id: 28, request: part(NOTHING), reply: part(NOTHING, 1) },
    needs: feature.VHOST_USER_PROTOCOL_F_PAGEFAULT,
  },
  POSTCOPY_LISTEN: { id: 29, request: part(NOTHING), needs: feature.VHOST_USER_PROTOCOL_F_PAGEFAULT },
  POSTCOPY_END: { id: 30, request: part(NOTHING), reply: part(U64), needs: feature.VHOST_USER_PROTOCOL_F_PAGEFAULT },
  GET_INFLIGHT_FD: {
    ...{ id: 31, request: part(INFLIGHT), reply: part(INFLIGHT, 1) },
    needs: feature.VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD,
  },
  SET_INFLIGHT_FD: { id: 32, request: part(INFLIGHT, 1), needs: feature.VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD },
  GPU_SET_SOCKET: { id: 33, request: part(NOTHING, 1) },
  RESET_DEVICE: { id: 34, request: part(NOTHING), needs: feature.VHOST_USER_PROTOCOL_F_RESET_DEVICE },
  VRING_KICK: { id: 35, request: part(VRING_STATE), needs: feature.VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS },
  GET_MAX_MEM_SLOTS: {
    ...{ id: 36, request: part(NOTHING), reply: part(U64) },
    needs: feature.VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
  },
  ADD_MEM_REG: { id: 37, request: part(SINGLE_REGION, 1), needs: feature.VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS },
  // Some front-ends send one, and back-ends shall close it.
  REM_MEM_REG: {
    ...{ id: 38, request: part(SINGLE_REGION, 'optional') },
    needs: feature.VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
  },
  SET_STATUS: { id: 39, request: part(U64), needs: feature.VHOST_USER_PROTOCOL_F_STATUS },
  GET_STATUS: { id: 40, request: part(NOTHING), reply: part(U64), needs: feature.VHOST_USER_PROTOCOL_F_STATUS },
  GET_SHARED_OBJECT: {
    ...{ id: 41, request: part(UUID), reply: part(OPAQUE, 'optional') },
    needs: feature.VHOST_USER_PROTOCOL_F_SHARED_OBJECT,
  },
  SET_DEVICE_STATE_FD: {
    ...{ id: 42, request: part(DEVICE_STATE, 1), reply: part(DEVICE_STATE_REPLY, oneIfSaid) },
    needs: feature.VHOST_USER_PROTOCOL_F_DEVICE_STATE,
  },
  CHECK_DEVICE_STATE: {
    ...{ id: 43, request: part(NOTHING), reply: part(U64) },
    needs: feature.VHOST_USER_PROTOCOL_F_DEVICE_STATE,
  },
  GET_SHMEM_CONFIG: {
    ...{ id: 44, request: part(NOTHING), reply: part(SHMEM_CONFIG) },
    needs: feature.VHOST_USER_PROTOCOL_F_SHMEM,
  },
  GET_VRING_BASE_SKIP_DRAIN: {
    ...{ id: 45, request: part(VRING_STATE), reply: part(VRING_STATE) },
    needs: feature.VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN,
  },
} as const satisfies Kinds;

/** "Back-end message types": on the connection of SET_BACKEND_REQ_FD. */
export const BACK_END_REQUESTS = {
  IOTLB_MSG: { id: 1, request: part(IOTLB) },
  CONFIG_CHANGE_MSG: { id: 2, request: part(NOTHING), needs: feature.VHOST_USER_PROTOCOL_F_CONFIG },
  VRING_HOST_NOTIFIER_MSG: {
    ...{ id: 3, request: part(VRING_AREA, oneIfSaid) },
    needs: feature.VHOST_USER_PROTOCOL_F_HOST_NOTIFIER,
  },
  VRING_CALL: { id: 4, request: part(VRING_STATE), needs: feature.VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS },
  VRING_ERR: { id: 5, request: part(VRING_STATE), needs: feature.VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS },
  SHARED_OBJECT_ADD: { id: 6, request: part(UUID), needs: feature.VHOST_USER_PROTOCOL_F_SHARED_OBJECT },
  SHARED_OBJECT_REMOVE: { id: 7, request: part(UUID), needs: feature.VHOST_USER_PROTOCOL_F_SHARED_OBJECT },
  SHARED_OBJECT_LOOKUP: {
    ...{ id: 8, request: part(UUID), reply: part(U64, 'optional') },
    needs: feature.VHOST_USER_PROTOCOL_F_SHARED_OBJECT,
  },
  SHMEM_MAP: { id: 9, request: part(MMAP, 1), needs: feature.VHOST_USER_PROTOCOL_F_SHMEM },
  SHMEM_UNMAP: { id: 10, request: part(MMAP), needs: feature.VHOST_USER_PROTOCOL_F_SHMEM },
} as const satisfies Kinds;

type ValueOf<P> = P extends Part<infer Value> ? Value : never;
/** What request `Name` carries. */
export type Body<Table extends Kinds, Name extends keyof Table> = ValueOf<Table[Name]['request']>;
/** What answers it: nothing, for those that have no answer of their own. */
export type Reply<Table extends Kinds, Name extends keyof Table> = Table[Name] extends { reply: infer P }
  ? ValueOf<P>
  : undefined;
/** One of the requests of a table, with what it carries. */
export type Request<Table extends Kinds> = {
  [Name in keyof Table]: { readonly name: Name; readonly body: Body<Table, Name> };
}[keyof Table];
export type FrontEndRequest = Request<typeof FRONT_END_REQUESTS>;
export type BackEndRequest = Request<typeof BACK_END_REQUESTS>;
