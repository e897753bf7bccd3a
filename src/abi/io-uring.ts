/**
 * Asynchronous I/O rings: linux/io_uring.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, s32, s64, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const IORING_ZCRX_AREA_SHIFT = 48;
export const IORING_ZCRX_AREA_MASK = 0xffff000000000000n;
export const IORING_RW_ATTR_FLAG_PI = 1;
export const IORING_FILE_INDEX_ALLOC = 0xffffffff;
export const IOSQE_FIXED_FILE = 1;
export const IOSQE_IO_DRAIN = 2;
export const IOSQE_IO_LINK = 4;
export const IOSQE_IO_HARDLINK = 8;
export const IOSQE_ASYNC = 0x10;
export const IOSQE_BUFFER_SELECT = 0x20;
export const IOSQE_CQE_SKIP_SUCCESS = 0x40;
export const IORING_SETUP_IOPOLL = 1;
export const IORING_SETUP_SQPOLL = 2;
export const IORING_SETUP_SQ_AFF = 4;
export const IORING_SETUP_CQSIZE = 8;
export const IORING_SETUP_CLAMP = 0x10;
export const IORING_SETUP_ATTACH_WQ = 0x20;
export const IORING_SETUP_R_DISABLED = 0x40;
export const IORING_SETUP_SUBMIT_ALL = 0x80;
export const IORING_SETUP_COOP_TASKRUN = 0x100;
export const IORING_SETUP_TASKRUN_FLAG = 0x200;
export const IORING_SETUP_SQE128 = 0x400;
export const IORING_SETUP_CQE32 = 0x800;
export const IORING_SETUP_SINGLE_ISSUER = 0x1000;
export const IORING_SETUP_DEFER_TASKRUN = 0x2000;
export const IORING_SETUP_NO_MMAP = 0x4000;
export const IORING_SETUP_REGISTERED_FD_ONLY = 0x8000;
export const IORING_SETUP_NO_SQARRAY = 0x10000;
export const IORING_SETUP_HYBRID_IOPOLL = 0x20000;
export const IORING_SETUP_CQE_MIXED = 0x40000;
export const IORING_SETUP_SQE_MIXED = 0x80000;
export const IORING_SETUP_SQ_REWIND = 0x100000;
export const IORING_URING_CMD_FIXED = 1;
export const IORING_URING_CMD_MULTISHOT = 2;
export const IORING_URING_CMD_MASK = 3;
export const IORING_FSYNC_DATASYNC = 1;
export const IORING_TIMEOUT_ABS = 1;
export const IORING_TIMEOUT_UPDATE = 2;
export const IORING_TIMEOUT_BOOTTIME = 4;
export const IORING_TIMEOUT_REALTIME = 8;
export const IORING_LINK_TIMEOUT_UPDATE = 0x10;
export const IORING_TIMEOUT_ETIME_SUCCESS = 0x20;
export const IORING_TIMEOUT_MULTISHOT = 0x40;
export const IORING_TIMEOUT_IMMEDIATE_ARG = 0x80;
export const IORING_TIMEOUT_CLOCK_MASK = 0xc;
export const IORING_TIMEOUT_UPDATE_MASK = 0x12;
export const IORING_POLL_ADD_MULTI = 1;
export const IORING_POLL_UPDATE_EVENTS = 2;
export const IORING_POLL_UPDATE_USER_DATA = 4;
export const IORING_POLL_ADD_LEVEL = 8;
export const IORING_ASYNC_CANCEL_ALL = 1;
export const IORING_ASYNC_CANCEL_FD = 2;
export const IORING_ASYNC_CANCEL_ANY = 4;
export const IORING_ASYNC_CANCEL_FD_FIXED = 8;
export const IORING_ASYNC_CANCEL_USERDATA = 0x10;
export const IORING_ASYNC_CANCEL_OP = 0x20;
export const IORING_RECVSEND_POLL_FIRST = 1;
export const IORING_RECV_MULTISHOT = 2;
export const IORING_RECVSEND_FIXED_BUF = 4;
export const IORING_SEND_ZC_REPORT_USAGE = 8;
export const IORING_RECVSEND_BUNDLE = 0x10;
export const IORING_SEND_VECTORIZED = 0x20;
export const IORING_NOTIF_USAGE_ZC_COPIED = 0x80000000;
export const IORING_ACCEPT_MULTISHOT = 1;
export const IORING_ACCEPT_DONTWAIT = 2;
export const IORING_ACCEPT_POLL_FIRST = 4;
export const IORING_MSG_RING_CQE_SKIP = 1;
export const IORING_MSG_RING_FLAGS_PASS = 2;
export const IORING_FIXED_FD_NO_CLOEXEC = 1;
export const IORING_NOP_INJECT_RESULT = 1;
export const IORING_NOP_FILE = 2;
export const IORING_NOP_FIXED_FILE = 4;
export const IORING_NOP_FIXED_BUFFER = 8;
export const IORING_NOP_TW = 0x10;
export const IORING_NOP_CQE32 = 0x20;
export const IORING_CQE_F_BUFFER = 1;
export const IORING_CQE_F_MORE = 2;
export const IORING_CQE_F_SOCK_NONEMPTY = 4;
export const IORING_CQE_F_NOTIF = 8;
export const IORING_CQE_F_BUF_MORE = 0x10;
export const IORING_CQE_F_SKIP = 0x20;
export const IORING_CQE_F_32 = 0x8000;
export const IORING_CQE_BUFFER_SHIFT = 16;
export const IORING_OFF_SQ_RING = 0;
export const IORING_OFF_CQ_RING = 0x8000000;
export const IORING_OFF_SQES = 0x10000000;
export const IORING_OFF_PBUF_RING = 0x80000000;
export const IORING_OFF_PBUF_SHIFT = 16;
export const IORING_OFF_MMAP_MASK = 0xf8000000;
export const IORING_SQ_NEED_WAKEUP = 1;
export const IORING_SQ_CQ_OVERFLOW = 2;
export const IORING_SQ_TASKRUN = 4;
export const IORING_CQ_EVENTFD_DISABLED = 1;
export const IORING_ENTER_GETEVENTS = 1;
export const IORING_ENTER_SQ_WAKEUP = 2;
export const IORING_ENTER_SQ_WAIT = 4;
export const IORING_ENTER_EXT_ARG = 8;
export const IORING_ENTER_REGISTERED_RING = 0x10;
export const IORING_ENTER_ABS_TIMER = 0x20;
export const IORING_ENTER_EXT_ARG_REG = 0x40;
export const IORING_ENTER_NO_IOWAIT = 0x80;
export const IORING_FEAT_SINGLE_MMAP = 1;
export const IORING_FEAT_NODROP = 2;
export const IORING_FEAT_SUBMIT_STABLE = 4;
export const IORING_FEAT_RW_CUR_POS = 8;
export const IORING_FEAT_CUR_PERSONALITY = 0x10;
export const IORING_FEAT_FAST_POLL = 0x20;
export const IORING_FEAT_POLL_32BITS = 0x40;
export const IORING_FEAT_SQPOLL_NONFIXED = 0x80;
export const IORING_FEAT_EXT_ARG = 0x100;
export const IORING_FEAT_NATIVE_WORKERS = 0x200;
export const IORING_FEAT_RSRC_TAGS = 0x400;
export const IORING_FEAT_CQE_SKIP = 0x800;
export const IORING_FEAT_LINKED_FILE = 0x1000;
export const IORING_FEAT_REG_REG_RING = 0x2000;
export const IORING_FEAT_RECVSEND_BUNDLE = 0x4000;
export const IORING_FEAT_MIN_TIMEOUT = 0x8000;
export const IORING_FEAT_RW_ATTR = 0x10000;
export const IORING_FEAT_NO_IOWAIT = 0x20000;
export const IORING_RSRC_REGISTER_SPARSE = 1;
export const IORING_REGISTER_FILES_SKIP = -2;
export const IORING_TIMESTAMP_HW_SHIFT = 16;
export const IORING_TIMESTAMP_TYPE_SHIFT = 0x11;
export const IORING_CQE_F_TSTAMP_HW = 0x10000;
export const IORING_ZCRX_AREA_DMABUF = 1;
export const IOSQE_FIXED_FILE_BIT = 0;
export const IOSQE_IO_DRAIN_BIT = 1;
export const IOSQE_IO_LINK_BIT = 2;
export const IOSQE_IO_HARDLINK_BIT = 3;
export const IOSQE_ASYNC_BIT = 4;
export const IOSQE_BUFFER_SELECT_BIT = 5;
export const IOSQE_CQE_SKIP_SUCCESS_BIT = 6;
export const IORING_OP_NOP = 0;
export const IORING_OP_READV = 1;
export const IORING_OP_WRITEV = 2;
export const IORING_OP_FSYNC = 3;
export const IORING_OP_READ_FIXED = 4;
export const IORING_OP_WRITE_FIXED = 5;
export const IORING_OP_POLL_ADD = 6;
export const IORING_OP_POLL_REMOVE = 7;
export const IORING_OP_SYNC_FILE_RANGE = 8;
export const IORING_OP_SENDMSG = 9;
export const IORING_OP_RECVMSG = 10;
export const IORING_OP_TIMEOUT = 11;
export const IORING_OP_TIMEOUT_REMOVE = 12;
export const IORING_OP_ACCEPT = 13;
export const IORING_OP_ASYNC_CANCEL = 14;
export const IORING_OP_LINK_TIMEOUT = 15;
export const IORING_OP_CONNECT = 16;
export const IORING_OP_FALLOCATE = 17;
export const IORING_OP_OPENAT = 18;
export const IORING_OP_CLOSE = 19;
export const IORING_OP_FILES_UPDATE = 20;
export const IORING_OP_STATX = 21;
export const IORING_OP_READ = 22;
export const IORING_OP_WRITE = 23;
export const IORING_OP_FADVISE = 24;
export const IORING_OP_MADVISE = 25;
export const IORING_OP_SEND = 26;
export const IORING_OP_RECV = 27;
export const IORING_OP_OPENAT2 = 28;
export const IORING_OP_EPOLL_CTL = 29;
export const IORING_OP_SPLICE = 30;
export const IORING_OP_PROVIDE_BUFFERS = 31;
export const IORING_OP_REMOVE_BUFFERS = 32;
export const IORING_OP_TEE = 33;
export const IORING_OP_SHUTDOWN = 34;
export const IORING_OP_RENAMEAT = 35;
export const IORING_OP_UNLINKAT = 36;
export const IORING_OP_MKDIRAT = 37;
export const IORING_OP_SYMLINKAT = 38;
export const IORING_OP_LINKAT = 39;
export const IORING_OP_MSG_RING = 40;
export const IORING_OP_FSETXATTR = 41;
export const IORING_OP_SETXATTR = 42;
export const IORING_OP_FGETXATTR = 43;
export const IORING_OP_GETXATTR = 44;
export const IORING_OP_SOCKET = 45;
export const IORING_OP_URING_CMD = 46;
export const IORING_OP_SEND_ZC = 47;
export const IORING_OP_SENDMSG_ZC = 48;
export const IORING_OP_READ_MULTISHOT = 49;
export const IORING_OP_WAITID = 50;
export const IORING_OP_FUTEX_WAIT = 51;
export const IORING_OP_FUTEX_WAKE = 52;
export const IORING_OP_FUTEX_WAITV = 53;
export const IORING_OP_FIXED_FD_INSTALL = 54;
export const IORING_OP_FTRUNCATE = 55;
export const IORING_OP_BIND = 56;
export const IORING_OP_LISTEN = 57;
export const IORING_OP_RECV_ZC = 58;
export const IORING_OP_EPOLL_WAIT = 59;
export const IORING_OP_READV_FIXED = 60;
export const IORING_OP_WRITEV_FIXED = 61;
export const IORING_OP_PIPE = 62;
export const IORING_OP_NOP128 = 63;
export const IORING_OP_URING_CMD128 = 64;
export const IORING_OP_LAST = 65;
export const IORING_MSG_DATA = 0;
export const IORING_MSG_SEND_FD = 1;
export const IORING_REGISTER_BUFFERS = 0;
export const IORING_UNREGISTER_BUFFERS = 1;
export const IORING_REGISTER_FILES = 2;
export const IORING_UNREGISTER_FILES = 3;
export const IORING_REGISTER_EVENTFD = 4;
export const IORING_UNREGISTER_EVENTFD = 5;
export const IORING_REGISTER_FILES_UPDATE = 6;
export const IORING_REGISTER_EVENTFD_ASYNC = 7;
export const IORING_REGISTER_PROBE = 8;
export const IORING_REGISTER_PERSONALITY = 9;
export const IORING_UNREGISTER_PERSONALITY = 10;
export const IORING_REGISTER_RESTRICTIONS = 11;
export const IORING_REGISTER_ENABLE_RINGS = 12;
export const IORING_REGISTER_FILES2 = 13;
export const IORING_REGISTER_FILES_UPDATE2 = 14;
export const IORING_REGISTER_BUFFERS2 = 15;
export const IORING_REGISTER_BUFFERS_UPDATE = 16;
export const IORING_REGISTER_IOWQ_AFF = 17;
export const IORING_UNREGISTER_IOWQ_AFF = 18;
export const IORING_REGISTER_IOWQ_MAX_WORKERS = 19;
export const IORING_REGISTER_RING_FDS = 20;
export const IORING_UNREGISTER_RING_FDS = 21;
export const IORING_REGISTER_PBUF_RING = 22;
export const IORING_UNREGISTER_PBUF_RING = 23;
export const IORING_REGISTER_SYNC_CANCEL = 24;
export const IORING_REGISTER_FILE_ALLOC_RANGE = 25;
export const IORING_REGISTER_PBUF_STATUS = 26;
export const IORING_REGISTER_NAPI = 27;
export const IORING_UNREGISTER_NAPI = 28;
export const IORING_REGISTER_CLOCK = 29;
export const IORING_REGISTER_CLONE_BUFFERS = 30;
export const IORING_REGISTER_SEND_MSG_RING = 31;
export const IORING_REGISTER_ZCRX_IFQ = 32;
export const IORING_REGISTER_RESIZE_RINGS = 33;
export const IORING_REGISTER_MEM_REGION = 34;
export const IORING_REGISTER_QUERY = 35;
export const IORING_REGISTER_ZCRX_CTRL = 36;
export const IORING_REGISTER_BPF_FILTER = 37;
export const IORING_REGISTER_LAST = 38;
export const IORING_MEM_REGION_TYPE_USER = 1;
export const IORING_MEM_REGION_REG_WAIT_ARG = 1;
export const IORING_REGISTER_SRC_REGISTERED = 1;
export const IORING_REGISTER_DST_REPLACE = 2;
export const IORING_RESTRICTION_REGISTER_OP = 0;
export const IORING_RESTRICTION_SQE_OP = 1;
export const IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2;
export const IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3;
export const IORING_RESTRICTION_LAST = 4;
export const IORING_REG_WAIT_TS = 1;

export const io_uring_zcrx_rqe = struct(16, {
  off: u64(0),
  len: u32(8),
  __pad: u32(12),
});

export const io_uring_zcrx_cqe = struct(16, {
  off: u64(0),
  __pad: u64(8),
});

export const io_uring_zcrx_offsets = struct(32, {
  head: u32(0),
  tail: u32(4),
  rqes: u32(8),
  __resv2: u32(12),
  __resv: bytes(16, 16),
});

export const io_uring_zcrx_area_reg = struct(48, {
  addr: u64(0),
  len: u64(8),
  rq_area_token: u64(16),
  flags: u32(24),
  dmabuf_fd: u32(28),
  __resv2: bytes(32, 16),
});

export const io_uring_zcrx_ifq_reg = struct(96, {
  if_idx: u32(0),
  if_rxq: u32(4),
  rq_entries: u32(8),
  flags: u32(12),
  area_ptr: u64(16),
  region_ptr: u64(24),
  'offsets.head': u32(32),
  'offsets.tail': u32(36),
  'offsets.rqes': u32(40),
  'offsets.__resv2': u32(44),
  'offsets.__resv': bytes(48, 16),
  zcrx_id: u32(64),
  rx_buf_len: u32(68),
  event_desc: u64(72),
  __resv: bytes(80, 16),
});

export const io_uring_sqe = struct(64, {
  opcode: u8(0),
  flags: u8(1),
  ioprio: u16(2),
  fd: s32(4),
  off: u64(8),
  addr2: u64(8),
  cmd_op: u32(8),
  __pad1: u32(12),
  addr: u64(16),
  splice_off_in: u64(16),
  level: u32(16),
  optname: u32(20),
  len: u32(24),
  rw_flags: u32(28),
  fsync_flags: u32(28),
  poll_events: u16(28),
  poll32_events: u32(28),
  sync_range_flags: u32(28),
  msg_flags: u32(28),
  timeout_flags: u32(28),
  accept_flags: u32(28),
  cancel_flags: u32(28),
  open_flags: u32(28),
  statx_flags: u32(28),
  fadvise_advice: u32(28),
  splice_flags: u32(28),
  rename_flags: u32(28),
  unlink_flags: u32(28),
  hardlink_flags: u32(28),
  xattr_flags: u32(28),
  msg_ring_flags: u32(28),
  uring_cmd_flags: u32(28),
  waitid_flags: u32(28),
  futex_flags: u32(28),
  install_fd_flags: u32(28),
  nop_flags: u32(28),
  pipe_flags: u32(28),
  user_data: u64(32),
  buf_index: u16(40),
  buf_group: u16(40),
  personality: u16(42),
  splice_fd_in: s32(44),
  file_index: u32(44),
  zcrx_ifq_idx: u32(44),
  optlen: u32(44),
  addr_len: u16(44),
  __pad3: bytes(46, 2),
  write_stream: u8(44),
  __pad4: bytes(45, 3),
  addr3: u64(48),
  __pad2: bytes(56, 8),
  attr_ptr: u64(48),
  attr_type_mask: u64(56),
  optval: u64(48),
  cmd: bytes(48, 0),
});

export const io_uring_attr_pi = struct(32, {
  flags: u16(0),
  app_tag: u16(2),
  len: u32(4),
  addr: u64(8),
  seed: u64(16),
  rsvd: u64(24),
});

export const io_uring_cqe = struct(16, {
  user_data: u64(0),
  res: s32(8),
  flags: u32(12),
  big_cqe: bytes(16, 0),
});

export const io_uring_params = struct(120, {
  sq_entries: u32(0),
  cq_entries: u32(4),
  flags: u32(8),
  sq_thread_cpu: u32(12),
  sq_thread_idle: u32(16),
  features: u32(20),
  wq_fd: u32(24),
  resv: bytes(28, 12),
  'sq_off.head': u32(40),
  'sq_off.tail': u32(44),
  'sq_off.ring_mask': u32(48),
  'sq_off.ring_entries': u32(52),
  'sq_off.flags': u32(56),
  'sq_off.dropped': u32(60),
  'sq_off.array': u32(64),
  'sq_off.resv1': u32(68),
  'sq_off.user_addr': u64(72),
  'cq_off.head': u32(80),
  'cq_off.tail': u32(84),
  'cq_off.ring_mask': u32(88),
  'cq_off.ring_entries': u32(92),
  'cq_off.overflow': u32(96),
  'cq_off.cqes': u32(100),
  'cq_off.flags': u32(104),
  'cq_off.resv1': u32(108),
  'cq_off.user_addr': u64(112),
});

export const io_uring_files_update = struct(16, {
  offset: u32(0),
  resv: u32(4),
  fds: u64(8),
});

export const io_uring_region_desc = struct(64, {
  user_addr: u64(0),
  size: u64(8),
  flags: u32(16),
  id: u32(20),
  mmap_offset: u64(24),
  __resv: bytes(32, 32),
});

export const io_uring_mem_region_reg = struct(32, {
  region_uptr: u64(0),
  flags: u64(8),
  __resv: bytes(16, 16),
});

export const io_uring_rsrc_register = struct(32, {
  nr: u32(0),
  flags: u32(4),
  resv2: u64(8),
  data: u64(16),
  tags: u64(24),
});

export const io_uring_rsrc_update = struct(16, {
  offset: u32(0),
  resv: u32(4),
  data: u64(8),
});

export const io_uring_rsrc_update2 = struct(32, {
  offset: u32(0),
  resv: u32(4),
  data: u64(8),
  tags: u64(16),
  nr: u32(24),
  resv2: u32(28),
});

export const io_uring_probe_op = struct(8, {
  op: u8(0),
  resv: u8(1),
  flags: u16(2),
  resv2: u32(4),
});

export const io_uring_probe = struct(16, {
  last_op: u8(0),
  ops_len: u8(1),
  resv: u16(2),
  resv2: bytes(4, 12),
  ops: bytes(16, 0),
});

export const io_uring_restriction = struct(16, {
  opcode: u16(0),
  register_op: u8(2),
  sqe_op: u8(2),
  sqe_flags: u8(2),
  resv: u8(3),
  resv2: bytes(4, 12),
});

export const io_uring_task_restriction = struct(16, {
  flags: u16(0),
  nr_res: u16(2),
  resv: bytes(4, 12),
  restrictions: bytes(16, 0),
});

export const io_uring_clock_register = struct(16, {
  clockid: u32(0),
  __resv: bytes(4, 12),
});

export const io_uring_clone_buffers = struct(32, {
  src_fd: u32(0),
  flags: u32(4),
  src_off: u32(8),
  dst_off: u32(12),
  nr: u32(16),
  pad: bytes(20, 12),
});

export const io_uring_buf = struct(16, {
  addr: u64(0),
  len: u32(8),
  bid: u16(12),
  resv: u16(14),
});

export const io_uring_buf_ring = struct(16, {
  resv1: u64(0),
  resv2: u32(8),
  resv3: u16(12),
  tail: u16(14),
  bufs: bytes(0, 0),
});

export const io_uring_buf_reg = struct(40, {
  ring_addr: u64(0),
  ring_entries: u32(8),
  bgid: u16(12),
  flags: u16(14),
  min_left: u32(16),
  resv: bytes(20, 20),
});

export const io_uring_buf_status = struct(40, {
  buf_group: u32(0),
  head: u32(4),
  resv: bytes(8, 32),
});

export const io_uring_napi = struct(16, {
  busy_poll_to: u32(0),
  prefer_busy_poll: u8(4),
  opcode: u8(5),
  pad: bytes(6, 2),
  op_param: u32(8),
  resv: u32(12),
});

export const io_uring_reg_wait = struct(64, {
  'ts.tv_sec': s64(0),
  'ts.tv_nsec': s64(8),
  min_wait_usec: u32(16),
  flags: u32(20),
  sigmask: u64(24),
  sigmask_sz: u32(32),
  pad: bytes(36, 12),
  pad2: bytes(48, 16),
});

export const io_uring_getevents_arg = struct(24, {
  sigmask: u64(0),
  sigmask_sz: u32(8),
  min_wait_usec: u32(12),
  ts: u64(16),
});

export const io_uring_sync_cancel_reg = struct(64, {
  addr: u64(0),
  fd: s32(8),
  flags: u32(12),
  'timeout.tv_sec': s64(16),
  'timeout.tv_nsec': s64(24),
  opcode: u8(32),
  pad: bytes(33, 7),
  pad2: bytes(40, 24),
});

export const io_uring_file_index_range = struct(16, {
  off: u32(0),
  len: u32(4),
  resv: u64(8),
});

export const io_uring_recvmsg_out = struct(16, {
  namelen: u32(0),
  controllen: u32(4),
  payloadlen: u32(8),
  flags: u32(12),
});

export const io_sqring_offsets = struct(40, {
  head: u32(0),
  tail: u32(4),
  ring_mask: u32(8),
  ring_entries: u32(12),
  flags: u32(16),
  dropped: u32(20),
  array: u32(24),
  resv1: u32(28),
  user_addr: u64(32),
});

export const io_cqring_offsets = struct(40, {
  head: u32(0),
  tail: u32(4),
  ring_mask: u32(8),
  ring_entries: u32(12),
  overflow: u32(16),
  cqes: u32(20),
  flags: u32(24),
  resv1: u32(28),
  user_addr: u64(32),
});
