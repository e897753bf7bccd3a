/**
 * Clocks and alarms: linux/virtio_rtc.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u64, u8, struct } from '../base/layout.ts';

export const VIRTIO_RTC_F_ALARM = 0;
export const VIRTIO_RTC_REQ_READ = 1;
export const VIRTIO_RTC_REQ_READ_CROSS = 2;
export const VIRTIO_RTC_REQ_CFG = 0x1000;
export const VIRTIO_RTC_REQ_CLOCK_CAP = 0x1001;
export const VIRTIO_RTC_REQ_CROSS_CAP = 0x1002;
export const VIRTIO_RTC_REQ_READ_ALARM = 0x1003;
export const VIRTIO_RTC_REQ_SET_ALARM = 0x1004;
export const VIRTIO_RTC_REQ_SET_ALARM_ENABLED = 0x1005;
export const VIRTIO_RTC_NOTIF_ALARM = 0x2000;
export const VIRTIO_RTC_S_OK = 0;
export const VIRTIO_RTC_S_EOPNOTSUPP = 2;
export const VIRTIO_RTC_S_ENODEV = 3;
export const VIRTIO_RTC_S_EINVAL = 4;
export const VIRTIO_RTC_S_EIO = 5;
export const VIRTIO_RTC_COUNTER_ARM_VCT = 0;
export const VIRTIO_RTC_COUNTER_X86_TSC = 1;
export const VIRTIO_RTC_COUNTER_INVALID = 0xff;
export const VIRTIO_RTC_CLOCK_UTC = 0;
export const VIRTIO_RTC_CLOCK_TAI = 1;
export const VIRTIO_RTC_CLOCK_MONOTONIC = 2;
export const VIRTIO_RTC_CLOCK_UTC_SMEARED = 3;
export const VIRTIO_RTC_CLOCK_UTC_MAYBE_SMEARED = 4;
export const VIRTIO_RTC_SMEAR_UNSPECIFIED = 0;
export const VIRTIO_RTC_SMEAR_NOON_LINEAR = 1;
export const VIRTIO_RTC_SMEAR_UTC_SLS = 2;
export const VIRTIO_RTC_FLAG_ALARM_CAP = 1;
export const VIRTIO_RTC_FLAG_CROSS_CAP = 1;
export const VIRTIO_RTC_FLAG_ALARM_ENABLED = 1;

export const virtio_rtc_req_head = struct(8, {
  msg_type: u16(0),
  reserved: bytes(2, 6),
});

export const virtio_rtc_resp_head = struct(8, {
  status: u8(0),
  reserved: bytes(1, 7),
});

export const virtio_rtc_notif_head = struct(8, {
  msg_type: u16(0),
  reserved: bytes(2, 6),
});

export const virtio_rtc_req_read = struct(16, {
  'head.msg_type': u16(0),
  'head.reserved': bytes(2, 6),
  clock_id: u16(8),
  reserved: bytes(10, 6),
});

export const virtio_rtc_resp_read = struct(16, {
  'head.status': u8(0),
  'head.reserved': bytes(1, 7),
  clock_reading: u64(8),
});

export const virtio_rtc_req_read_cross = struct(16, {
  'head.msg_type': u16(0),
  'head.reserved': bytes(2, 6),
  clock_id: u16(8),
  hw_counter: u8(10),
  reserved: bytes(11, 5),
});

export const virtio_rtc_resp_read_cross = struct(24, {
  'head.status': u8(0),
  'head.reserved': bytes(1, 7),
  clock_reading: u64(8),
  counter_cycles: u64(16),
});

export const virtio_rtc_req_cfg = struct(8, {
  'head.msg_type': u16(0),
  'head.reserved': bytes(2, 6),
});

export const virtio_rtc_resp_cfg = struct(16, {
  'head.status': u8(0),
  'head.reserved': bytes(1, 7),
  num_clocks: u16(8),
  reserved: bytes(10, 6),
});

export const virtio_rtc_req_clock_cap = struct(16, {
  'head.msg_type': u16(0),
  'head.reserved': bytes(2, 6),
  clock_id: u16(8),
  reserved: bytes(10, 6),
});

export const virtio_rtc_resp_clock_cap = struct(16, {
  'head.status': u8(0),
  'head.reserved': bytes(1, 7),
  type: u8(8),
  leap_second_smearing: u8(9),
  flags: u8(10),
  reserved: bytes(11, 5),
});

export const virtio_rtc_req_cross_cap = struct(16, {
  'head.msg_type': u16(0),
  'head.reserved': bytes(2, 6),
  clock_id: u16(8),
  hw_counter: u8(10),
  reserved: bytes(11, 5),
});

export const virtio_rtc_resp_cross_cap = struct(16, {
  'head.status': u8(0),
  'head.reserved': bytes(1, 7),
  flags: u8(8),
  reserved: bytes(9, 7),
});

export const virtio_rtc_req_read_alarm = struct(16, {
  'head.msg_type': u16(0),
  'head.reserved': bytes(2, 6),
  clock_id: u16(8),
  reserved: bytes(10, 6),
});

export const virtio_rtc_resp_read_alarm = struct(24, {
  'head.status': u8(0),
  'head.reserved': bytes(1, 7),
  alarm_time: u64(8),
  flags: u8(16),
  reserved: bytes(17, 7),
});

export const virtio_rtc_req_set_alarm = struct(24, {
  'head.msg_type': u16(0),
  'head.reserved': bytes(2, 6),
  alarm_time: u64(8),
  clock_id: u16(16),
  flags: u8(18),
  reserved: bytes(19, 5),
});

export const virtio_rtc_resp_set_alarm = struct(8, {
  'head.status': u8(0),
  'head.reserved': bytes(1, 7),
});

export const virtio_rtc_req_set_alarm_enabled = struct(16, {
  'head.msg_type': u16(0),
  'head.reserved': bytes(2, 6),
  clock_id: u16(8),
  flags: u8(10),
  reserved: bytes(11, 5),
});

export const virtio_rtc_resp_set_alarm_enabled = struct(8, {
  'head.status': u8(0),
  'head.reserved': bytes(1, 7),
});

export const virtio_rtc_notif_alarm = struct(16, {
  'head.msg_type': u16(0),
  'head.reserved': bytes(2, 6),
  clock_id: u16(8),
  reserved: bytes(10, 6),
});
