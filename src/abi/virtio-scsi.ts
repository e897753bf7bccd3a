/**
 * The SCSI host: linux/virtio_scsi.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const VIRTIO_SCSI_CDB_DEFAULT_SIZE = 32;
export const VIRTIO_SCSI_SENSE_DEFAULT_SIZE = 96;
export const VIRTIO_SCSI_CDB_SIZE = 32;
export const VIRTIO_SCSI_SENSE_SIZE = 96;
export const VIRTIO_SCSI_F_INOUT = 0;
export const VIRTIO_SCSI_F_HOTPLUG = 1;
export const VIRTIO_SCSI_F_CHANGE = 2;
export const VIRTIO_SCSI_F_T10_PI = 3;
export const VIRTIO_SCSI_S_OK = 0;
export const VIRTIO_SCSI_S_OVERRUN = 1;
export const VIRTIO_SCSI_S_ABORTED = 2;
export const VIRTIO_SCSI_S_BAD_TARGET = 3;
export const VIRTIO_SCSI_S_RESET = 4;
export const VIRTIO_SCSI_S_BUSY = 5;
export const VIRTIO_SCSI_S_TRANSPORT_FAILURE = 6;
export const VIRTIO_SCSI_S_TARGET_FAILURE = 7;
export const VIRTIO_SCSI_S_NEXUS_FAILURE = 8;
export const VIRTIO_SCSI_S_FAILURE = 9;
export const VIRTIO_SCSI_S_FUNCTION_SUCCEEDED = 10;
export const VIRTIO_SCSI_S_FUNCTION_REJECTED = 11;
export const VIRTIO_SCSI_S_INCORRECT_LUN = 12;
export const VIRTIO_SCSI_T_TMF = 0;
export const VIRTIO_SCSI_T_AN_QUERY = 1;
export const VIRTIO_SCSI_T_AN_SUBSCRIBE = 2;
export const VIRTIO_SCSI_T_TMF_ABORT_TASK = 0;
export const VIRTIO_SCSI_T_TMF_ABORT_TASK_SET = 1;
export const VIRTIO_SCSI_T_TMF_CLEAR_ACA = 2;
export const VIRTIO_SCSI_T_TMF_CLEAR_TASK_SET = 3;
export const VIRTIO_SCSI_T_TMF_I_T_NEXUS_RESET = 4;
export const VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET = 5;
export const VIRTIO_SCSI_T_TMF_QUERY_TASK = 6;
export const VIRTIO_SCSI_T_TMF_QUERY_TASK_SET = 7;
export const VIRTIO_SCSI_T_EVENTS_MISSED = 0x80000000;
export const VIRTIO_SCSI_T_NO_EVENT = 0;
export const VIRTIO_SCSI_T_TRANSPORT_RESET = 1;
export const VIRTIO_SCSI_T_ASYNC_NOTIFY = 2;
export const VIRTIO_SCSI_T_PARAM_CHANGE = 3;
export const VIRTIO_SCSI_EVT_RESET_HARD = 0;
export const VIRTIO_SCSI_EVT_RESET_RESCAN = 1;
export const VIRTIO_SCSI_EVT_RESET_REMOVED = 2;
export const VIRTIO_SCSI_S_SIMPLE = 0;
export const VIRTIO_SCSI_S_ORDERED = 1;
export const VIRTIO_SCSI_S_HEAD = 2;
export const VIRTIO_SCSI_S_ACA = 3;

export const virtio_scsi_cmd_req = struct(51, {
  lun: bytes(0, 8),
  tag: u64(8),
  task_attr: u8(16),
  prio: u8(17),
  crn: u8(18),
  cdb: bytes(19, 32),
});

export const virtio_scsi_cmd_req_pi = struct(59, {
  lun: bytes(0, 8),
  tag: u64(8),
  task_attr: u8(16),
  prio: u8(17),
  crn: u8(18),
  pi_bytesout: u32(19),
  pi_bytesin: u32(23),
  cdb: bytes(27, 32),
});

export const virtio_scsi_cmd_resp = struct(108, {
  sense_len: u32(0),
  resid: u32(4),
  status_qualifier: u16(8),
  status: u8(10),
  response: u8(11),
  sense: bytes(12, 96),
});

export const virtio_scsi_ctrl_tmf_req = struct(24, {
  type: u32(0),
  subtype: u32(4),
  lun: bytes(8, 8),
  tag: u64(16),
});

export const virtio_scsi_ctrl_tmf_resp = struct(1, {
  response: u8(0),
});

export const virtio_scsi_ctrl_an_req = struct(16, {
  type: u32(0),
  lun: bytes(4, 8),
  event_requested: u32(12),
});

export const virtio_scsi_ctrl_an_resp = struct(5, {
  event_actual: u32(0),
  response: u8(4),
});

export const virtio_scsi_event = struct(16, {
  event: u32(0),
  lun: bytes(4, 8),
  reason: u32(12),
});

export const virtio_scsi_config = struct(36, {
  num_queues: u32(0),
  seg_max: u32(4),
  max_sectors: u32(8),
  cmd_per_lun: u32(12),
  event_info_size: u32(16),
  sense_size: u32(20),
  cdb_size: u32(24),
  max_channel: u16(28),
  max_target: u16(30),
  max_lun: u32(32),
});
