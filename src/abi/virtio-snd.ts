/**
 * The sound card: linux/virtio_snd.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const VIRTIO_SND_CHMAP_MAX_SIZE = 18;
export const VIRTIO_SND_F_CTLS = 0;
export const VIRTIO_SND_VQ_CONTROL = 0;
export const VIRTIO_SND_VQ_EVENT = 1;
export const VIRTIO_SND_VQ_TX = 2;
export const VIRTIO_SND_VQ_RX = 3;
export const VIRTIO_SND_VQ_MAX = 4;
export const VIRTIO_SND_D_OUTPUT = 0;
export const VIRTIO_SND_D_INPUT = 1;
export const VIRTIO_SND_R_JACK_INFO = 1;
export const VIRTIO_SND_R_JACK_REMAP = 2;
export const VIRTIO_SND_R_PCM_INFO = 0x100;
export const VIRTIO_SND_R_PCM_SET_PARAMS = 0x101;
export const VIRTIO_SND_R_PCM_PREPARE = 0x102;
export const VIRTIO_SND_R_PCM_RELEASE = 0x103;
export const VIRTIO_SND_R_PCM_START = 0x104;
export const VIRTIO_SND_R_PCM_STOP = 0x105;
export const VIRTIO_SND_R_CHMAP_INFO = 0x200;
export const VIRTIO_SND_R_CTL_INFO = 0x300;
export const VIRTIO_SND_R_CTL_ENUM_ITEMS = 0x301;
export const VIRTIO_SND_R_CTL_READ = 0x302;
export const VIRTIO_SND_R_CTL_WRITE = 0x303;
export const VIRTIO_SND_R_CTL_TLV_READ = 0x304;
export const VIRTIO_SND_R_CTL_TLV_WRITE = 0x305;
export const VIRTIO_SND_R_CTL_TLV_COMMAND = 0x306;
export const VIRTIO_SND_EVT_JACK_CONNECTED = 0x1000;
export const VIRTIO_SND_EVT_JACK_DISCONNECTED = 0x1001;
export const VIRTIO_SND_EVT_PCM_PERIOD_ELAPSED = 0x1100;
export const VIRTIO_SND_EVT_PCM_XRUN = 0x1101;
export const VIRTIO_SND_EVT_CTL_NOTIFY = 0x1200;
export const VIRTIO_SND_S_OK = 0x8000;
export const VIRTIO_SND_S_BAD_MSG = 0x8001;
export const VIRTIO_SND_S_NOT_SUPP = 0x8002;
export const VIRTIO_SND_S_IO_ERR = 0x8003;
export const VIRTIO_SND_JACK_F_REMAP = 0;
export const VIRTIO_SND_PCM_F_SHMEM_HOST = 0;
export const VIRTIO_SND_PCM_F_SHMEM_GUEST = 1;
export const VIRTIO_SND_PCM_F_MSG_POLLING = 2;
export const VIRTIO_SND_PCM_F_EVT_SHMEM_PERIODS = 3;
export const VIRTIO_SND_PCM_F_EVT_XRUNS = 4;
export const VIRTIO_SND_PCM_FMT_IMA_ADPCM = 0;
export const VIRTIO_SND_PCM_FMT_MU_LAW = 1;
export const VIRTIO_SND_PCM_FMT_A_LAW = 2;
export const VIRTIO_SND_PCM_FMT_S8 = 3;
export const VIRTIO_SND_PCM_FMT_U8 = 4;
export const VIRTIO_SND_PCM_FMT_S16 = 5;
export const VIRTIO_SND_PCM_FMT_U16 = 6;
export const VIRTIO_SND_PCM_FMT_S18_3 = 7;
export const VIRTIO_SND_PCM_FMT_U18_3 = 8;
export const VIRTIO_SND_PCM_FMT_S20_3 = 9;
export const VIRTIO_SND_PCM_FMT_U20_3 = 10;
export const VIRTIO_SND_PCM_FMT_S24_3 = 11;
export const VIRTIO_SND_PCM_FMT_U24_3 = 12;
export const VIRTIO_SND_PCM_FMT_S20 = 13;
export const VIRTIO_SND_PCM_FMT_U20 = 14;
export const VIRTIO_SND_PCM_FMT_S24 = 15;
export const VIRTIO_SND_PCM_FMT_U24 = 16;
export const VIRTIO_SND_PCM_FMT_S32 = 17;
export const VIRTIO_SND_PCM_FMT_U32 = 18;
export const VIRTIO_SND_PCM_FMT_FLOAT = 19;
export const VIRTIO_SND_PCM_FMT_FLOAT64 = 20;
export const VIRTIO_SND_PCM_FMT_DSD_U8 = 21;
export const VIRTIO_SND_PCM_FMT_DSD_U16 = 22;
export const VIRTIO_SND_PCM_FMT_DSD_U32 = 23;
export const VIRTIO_SND_PCM_FMT_IEC958_SUBFRAME = 24;
export const VIRTIO_SND_PCM_RATE_5512 = 0;
export const VIRTIO_SND_PCM_RATE_8000 = 1;
export const VIRTIO_SND_PCM_RATE_11025 = 2;
export const VIRTIO_SND_PCM_RATE_16000 = 3;
export const VIRTIO_SND_PCM_RATE_22050 = 4;
export const VIRTIO_SND_PCM_RATE_32000 = 5;
export const VIRTIO_SND_PCM_RATE_44100 = 6;
export const VIRTIO_SND_PCM_RATE_48000 = 7;
export const VIRTIO_SND_PCM_RATE_64000 = 8;
export const VIRTIO_SND_PCM_RATE_88200 = 9;
export const VIRTIO_SND_PCM_RATE_96000 = 10;
export const VIRTIO_SND_PCM_RATE_176400 = 11;
export const VIRTIO_SND_PCM_RATE_192000 = 12;
export const VIRTIO_SND_PCM_RATE_384000 = 13;
export const VIRTIO_SND_CHMAP_NONE = 0;
export const VIRTIO_SND_CHMAP_NA = 1;
export const VIRTIO_SND_CHMAP_MONO = 2;
export const VIRTIO_SND_CHMAP_FL = 3;
export const VIRTIO_SND_CHMAP_FR = 4;
export const VIRTIO_SND_CHMAP_RL = 5;
export const VIRTIO_SND_CHMAP_RR = 6;
export const VIRTIO_SND_CHMAP_FC = 7;
export const VIRTIO_SND_CHMAP_LFE = 8;
export const VIRTIO_SND_CHMAP_SL = 9;
export const VIRTIO_SND_CHMAP_SR = 10;
export const VIRTIO_SND_CHMAP_RC = 11;
export const VIRTIO_SND_CHMAP_FLC = 12;
export const VIRTIO_SND_CHMAP_FRC = 13;
export const VIRTIO_SND_CHMAP_RLC = 14;
export const VIRTIO_SND_CHMAP_RRC = 15;
export const VIRTIO_SND_CHMAP_FLW = 16;
export const VIRTIO_SND_CHMAP_FRW = 17;
export const VIRTIO_SND_CHMAP_FLH = 18;
export const VIRTIO_SND_CHMAP_FCH = 19;
export const VIRTIO_SND_CHMAP_FRH = 20;
export const VIRTIO_SND_CHMAP_TC = 21;
export const VIRTIO_SND_CHMAP_TFL = 22;
export const VIRTIO_SND_CHMAP_TFR = 23;
export const VIRTIO_SND_CHMAP_TFC = 24;
export const VIRTIO_SND_CHMAP_TRL = 25;
export const VIRTIO_SND_CHMAP_TRR = 26;
export const VIRTIO_SND_CHMAP_TRC = 27;
export const VIRTIO_SND_CHMAP_TFLC = 28;
export const VIRTIO_SND_CHMAP_TFRC = 29;
export const VIRTIO_SND_CHMAP_TSL = 30;
export const VIRTIO_SND_CHMAP_TSR = 31;
export const VIRTIO_SND_CHMAP_LLFE = 32;
export const VIRTIO_SND_CHMAP_RLFE = 33;
export const VIRTIO_SND_CHMAP_BC = 34;
export const VIRTIO_SND_CHMAP_BLC = 35;
export const VIRTIO_SND_CHMAP_BRC = 36;
export const VIRTIO_SND_CTL_ROLE_UNDEFINED = 0;
export const VIRTIO_SND_CTL_ROLE_VOLUME = 1;
export const VIRTIO_SND_CTL_ROLE_MUTE = 2;
export const VIRTIO_SND_CTL_ROLE_GAIN = 3;
export const VIRTIO_SND_CTL_TYPE_BOOLEAN = 0;
export const VIRTIO_SND_CTL_TYPE_INTEGER = 1;
export const VIRTIO_SND_CTL_TYPE_INTEGER64 = 2;
export const VIRTIO_SND_CTL_TYPE_ENUMERATED = 3;
export const VIRTIO_SND_CTL_TYPE_BYTES = 4;
export const VIRTIO_SND_CTL_TYPE_IEC958 = 5;
export const VIRTIO_SND_CTL_ACCESS_READ = 0;
export const VIRTIO_SND_CTL_ACCESS_WRITE = 1;
export const VIRTIO_SND_CTL_ACCESS_VOLATILE = 2;
export const VIRTIO_SND_CTL_ACCESS_INACTIVE = 3;
export const VIRTIO_SND_CTL_ACCESS_TLV_READ = 4;
export const VIRTIO_SND_CTL_ACCESS_TLV_WRITE = 5;
export const VIRTIO_SND_CTL_ACCESS_TLV_COMMAND = 6;
export const VIRTIO_SND_CTL_EVT_MASK_VALUE = 0;
export const VIRTIO_SND_CTL_EVT_MASK_INFO = 1;
export const VIRTIO_SND_CTL_EVT_MASK_TLV = 2;

export const virtio_snd_config = struct(16, {
  jacks: u32(0),
  streams: u32(4),
  chmaps: u32(8),
  controls: u32(12),
});

export const virtio_snd_hdr = struct(4, {
  code: u32(0),
});

export const virtio_snd_event = struct(8, {
  'hdr.code': u32(0),
  data: u32(4),
});

export const virtio_snd_query_info = struct(16, {
  'hdr.code': u32(0),
  start_id: u32(4),
  count: u32(8),
  size: u32(12),
});

export const virtio_snd_info = struct(4, {
  hda_fn_nid: u32(0),
});

export const virtio_snd_jack_hdr = struct(8, {
  'hdr.code': u32(0),
  jack_id: u32(4),
});

export const virtio_snd_jack_info = struct(24, {
  'hdr.hda_fn_nid': u32(0),
  features: u32(4),
  hda_reg_defconf: u32(8),
  hda_reg_caps: u32(12),
  connected: u8(16),
  padding: bytes(17, 7),
});

export const virtio_snd_jack_remap = struct(16, {
  'hdr.hdr.code': u32(0),
  'hdr.jack_id': u32(4),
  association: u32(8),
  sequence: u32(12),
});

export const virtio_snd_pcm_hdr = struct(8, {
  'hdr.code': u32(0),
  stream_id: u32(4),
});

export const virtio_snd_pcm_info = struct(32, {
  'hdr.hda_fn_nid': u32(0),
  features: u32(4),
  formats: u64(8),
  rates: u64(16),
  direction: u8(24),
  channels_min: u8(25),
  channels_max: u8(26),
  padding: bytes(27, 5),
});

export const virtio_snd_pcm_set_params = struct(24, {
  'hdr.hdr.code': u32(0),
  'hdr.stream_id': u32(4),
  buffer_bytes: u32(8),
  period_bytes: u32(12),
  features: u32(16),
  channels: u8(20),
  format: u8(21),
  rate: u8(22),
  padding: u8(23),
});

export const virtio_snd_pcm_xfer = struct(4, {
  stream_id: u32(0),
});

export const virtio_snd_pcm_status = struct(8, {
  status: u32(0),
  latency_bytes: u32(4),
});

export const virtio_snd_chmap_hdr = struct(8, {
  'hdr.code': u32(0),
  chmap_id: u32(4),
});

export const virtio_snd_chmap_info = struct(24, {
  'hdr.hda_fn_nid': u32(0),
  direction: u8(4),
  channels: u8(5),
  positions: bytes(6, 18),
});

export const virtio_snd_ctl_hdr = struct(8, {
  'hdr.code': u32(0),
  control_id: u32(4),
});

export const virtio_snd_ctl_info = struct(96, {
  'hdr.hda_fn_nid': u32(0),
  role: u32(4),
  type: u32(8),
  access: u32(12),
  count: u32(16),
  index: u32(20),
  name: bytes(24, 44),
  'value.integer.min': u32(72),
  'value.integer.max': u32(76),
  'value.integer.step': u32(80),
  'value.integer64.min': u64(72),
  'value.integer64.max': u64(80),
  'value.integer64.step': u64(88),
  'value.enumerated.items': u32(72),
});

export const virtio_snd_ctl_enum_item = struct(64, {
  item: bytes(0, 64),
});

export const virtio_snd_ctl_iec958 = struct(176, {
  status: bytes(0, 24),
  subcode: bytes(24, 147),
  pad: u8(171),
  dig_subframe: bytes(172, 4),
});

export const virtio_snd_ctl_value = struct(512, {
  'value.integer': bytes(0, 512),
  'value.integer64': bytes(0, 512),
  'value.enumerated': bytes(0, 512),
  'value.bytes': bytes(0, 512),
  'value.iec958.status': bytes(0, 24),
  'value.iec958.subcode': bytes(24, 147),
  'value.iec958.pad': u8(171),
  'value.iec958.dig_subframe': bytes(172, 4),
});

export const virtio_snd_ctl_event = struct(8, {
  'hdr.code': u32(0),
  control_id: u16(4),
  mask: u16(6),
});
