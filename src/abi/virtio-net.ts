/**
 * The network card: linux/virtio_net.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const VIRTIO_NET_F_CSUM = 0;
export const VIRTIO_NET_F_GUEST_CSUM = 1;
export const VIRTIO_NET_F_CTRL_GUEST_OFFLOADS = 2;
export const VIRTIO_NET_F_MTU = 3;
export const VIRTIO_NET_F_MAC = 5;
export const VIRTIO_NET_F_GUEST_TSO4 = 7;
export const VIRTIO_NET_F_GUEST_TSO6 = 8;
export const VIRTIO_NET_F_GUEST_ECN = 9;
export const VIRTIO_NET_F_GUEST_UFO = 10;
export const VIRTIO_NET_F_HOST_TSO4 = 11;
export const VIRTIO_NET_F_HOST_TSO6 = 12;
export const VIRTIO_NET_F_HOST_ECN = 13;
export const VIRTIO_NET_F_HOST_UFO = 14;
export const VIRTIO_NET_F_MRG_RXBUF = 15;
export const VIRTIO_NET_F_STATUS = 16;
export const VIRTIO_NET_F_CTRL_VQ = 17;
export const VIRTIO_NET_F_CTRL_RX = 18;
export const VIRTIO_NET_F_CTRL_VLAN = 19;
export const VIRTIO_NET_F_CTRL_RX_EXTRA = 20;
export const VIRTIO_NET_F_GUEST_ANNOUNCE = 21;
export const VIRTIO_NET_F_MQ = 22;
export const VIRTIO_NET_F_CTRL_MAC_ADDR = 23;
export const VIRTIO_NET_F_DEVICE_STATS = 50;
export const VIRTIO_NET_F_VQ_NOTF_COAL = 52;
export const VIRTIO_NET_F_NOTF_COAL = 53;
export const VIRTIO_NET_F_GUEST_USO4 = 54;
export const VIRTIO_NET_F_GUEST_USO6 = 55;
export const VIRTIO_NET_F_HOST_USO = 56;
export const VIRTIO_NET_F_HASH_REPORT = 57;
export const VIRTIO_NET_F_GUEST_HDRLEN = 59;
export const VIRTIO_NET_F_RSS = 60;
export const VIRTIO_NET_F_RSC_EXT = 61;
export const VIRTIO_NET_F_STANDBY = 62;
export const VIRTIO_NET_F_SPEED_DUPLEX = 63;
export const VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO = 65;
export const VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM = 66;
export const VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO = 67;
export const VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM = 68;
export const VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_MAPPED = 46;
export const VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM_MAPPED = 47;
export const VIRTIO_NET_F_GSO = 6;
export const VIRTIO_NET_S_LINK_UP = 1;
export const VIRTIO_NET_S_ANNOUNCE = 2;
export const VIRTIO_NET_RSS_HASH_TYPE_IPv4 = 1;
export const VIRTIO_NET_RSS_HASH_TYPE_TCPv4 = 2;
export const VIRTIO_NET_RSS_HASH_TYPE_UDPv4 = 4;
export const VIRTIO_NET_RSS_HASH_TYPE_IPv6 = 8;
export const VIRTIO_NET_RSS_HASH_TYPE_TCPv6 = 0x10;
export const VIRTIO_NET_RSS_HASH_TYPE_UDPv6 = 0x20;
export const VIRTIO_NET_RSS_HASH_TYPE_IP_EX = 0x40;
export const VIRTIO_NET_RSS_HASH_TYPE_TCP_EX = 0x80;
export const VIRTIO_NET_RSS_HASH_TYPE_UDP_EX = 0x100;
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
export const VIRTIO_NET_HDR_F_DATA_VALID = 2;
export const VIRTIO_NET_HDR_F_RSC_INFO = 4;
export const VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM = 8;
export const VIRTIO_NET_HDR_GSO_NONE = 0;
export const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
export const VIRTIO_NET_HDR_GSO_UDP = 3;
export const VIRTIO_NET_HDR_GSO_TCPV6 = 4;
export const VIRTIO_NET_HDR_GSO_UDP_L4 = 5;
export const VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4 = 0x20;
export const VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6 = 0x40;
export const VIRTIO_NET_HDR_GSO_UDP_TUNNEL = 0x60;
export const VIRTIO_NET_HDR_GSO_ECN = 0x80;
export const VIRTIO_NET_HASH_REPORT_NONE = 0;
export const VIRTIO_NET_HASH_REPORT_IPv4 = 1;
export const VIRTIO_NET_HASH_REPORT_TCPv4 = 2;
export const VIRTIO_NET_HASH_REPORT_UDPv4 = 3;
export const VIRTIO_NET_HASH_REPORT_IPv6 = 4;
export const VIRTIO_NET_HASH_REPORT_TCPv6 = 5;
export const VIRTIO_NET_HASH_REPORT_UDPv6 = 6;
export const VIRTIO_NET_HASH_REPORT_IPv6_EX = 7;
export const VIRTIO_NET_HASH_REPORT_TCPv6_EX = 8;
export const VIRTIO_NET_HASH_REPORT_UDPv6_EX = 9;
export const VIRTIO_NET_OK = 0;
export const VIRTIO_NET_ERR = 1;
export const VIRTIO_NET_CTRL_RX = 0;
export const VIRTIO_NET_CTRL_RX_PROMISC = 0;
export const VIRTIO_NET_CTRL_RX_ALLMULTI = 1;
export const VIRTIO_NET_CTRL_RX_ALLUNI = 2;
export const VIRTIO_NET_CTRL_RX_NOMULTI = 3;
export const VIRTIO_NET_CTRL_RX_NOUNI = 4;
export const VIRTIO_NET_CTRL_RX_NOBCAST = 5;
export const VIRTIO_NET_CTRL_MAC = 1;
export const VIRTIO_NET_CTRL_MAC_TABLE_SET = 0;
export const VIRTIO_NET_CTRL_MAC_ADDR_SET = 1;
export const VIRTIO_NET_CTRL_VLAN = 2;
export const VIRTIO_NET_CTRL_VLAN_ADD = 0;
export const VIRTIO_NET_CTRL_VLAN_DEL = 1;
export const VIRTIO_NET_CTRL_ANNOUNCE = 3;
export const VIRTIO_NET_CTRL_ANNOUNCE_ACK = 0;
export const VIRTIO_NET_CTRL_MQ = 4;
export const VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET = 0;
export const VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MIN = 1;
export const VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX = 0x8000;
export const VIRTIO_NET_CTRL_MQ_RSS_CONFIG = 1;
export const VIRTIO_NET_CTRL_MQ_HASH_CONFIG = 2;
export const VIRTIO_NET_CTRL_GUEST_OFFLOADS = 5;
export const VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET = 0;
export const VIRTIO_NET_CTRL_NOTF_COAL = 6;
export const VIRTIO_NET_CTRL_NOTF_COAL_TX_SET = 0;
export const VIRTIO_NET_CTRL_NOTF_COAL_RX_SET = 1;
export const VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET = 2;
export const VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET = 3;
export const VIRTIO_NET_CTRL_STATS = 8;
export const VIRTIO_NET_CTRL_STATS_QUERY = 0;
export const VIRTIO_NET_CTRL_STATS_GET = 1;
export const VIRTIO_NET_STATS_TYPE_CVQ = 0x100000000;
export const VIRTIO_NET_STATS_TYPE_RX_BASIC = 1;
export const VIRTIO_NET_STATS_TYPE_RX_CSUM = 2;
export const VIRTIO_NET_STATS_TYPE_RX_GSO = 4;
export const VIRTIO_NET_STATS_TYPE_RX_SPEED = 8;
export const VIRTIO_NET_STATS_TYPE_TX_BASIC = 0x10000;
export const VIRTIO_NET_STATS_TYPE_TX_CSUM = 0x20000;
export const VIRTIO_NET_STATS_TYPE_TX_GSO = 0x40000;
export const VIRTIO_NET_STATS_TYPE_TX_SPEED = 0x80000;
export const VIRTIO_NET_STATS_TYPE_REPLY_CVQ = 32;
export const VIRTIO_NET_STATS_TYPE_REPLY_RX_BASIC = 0;
export const VIRTIO_NET_STATS_TYPE_REPLY_RX_CSUM = 1;
export const VIRTIO_NET_STATS_TYPE_REPLY_RX_GSO = 2;
export const VIRTIO_NET_STATS_TYPE_REPLY_RX_SPEED = 3;
export const VIRTIO_NET_STATS_TYPE_REPLY_TX_BASIC = 16;
export const VIRTIO_NET_STATS_TYPE_REPLY_TX_CSUM = 17;
export const VIRTIO_NET_STATS_TYPE_REPLY_TX_GSO = 18;
export const VIRTIO_NET_STATS_TYPE_REPLY_TX_SPEED = 19;

export const virtio_net_config = struct(24, {
  mac: bytes(0, 6),
  status: u16(6),
  max_virtqueue_pairs: u16(8),
  mtu: u16(10),
  speed: u32(12),
  duplex: u8(16),
  rss_max_key_size: u8(17),
  rss_max_indirection_table_length: u16(18),
  supported_hash_types: u32(20),
});

export const virtio_net_hdr_v1 = struct(12, {
  flags: u8(0),
  gso_type: u8(1),
  hdr_len: u16(2),
  gso_size: u16(4),
  csum_start: u16(6),
  csum_offset: u16(8),
  'csum.start': u16(6),
  'csum.offset': u16(8),
  'rsc.segments': u16(6),
  'rsc.dup_acks': u16(8),
  num_buffers: u16(10),
});

export const virtio_net_hdr_v1_hash = struct(20, {
  'hdr.flags': u8(0),
  'hdr.gso_type': u8(1),
  'hdr.hdr_len': u16(2),
  'hdr.gso_size': u16(4),
  'hdr.csum_start': u16(6),
  'hdr.csum_offset': u16(8),
  'hdr.csum.start': u16(6),
  'hdr.csum.offset': u16(8),
  'hdr.rsc.segments': u16(6),
  'hdr.rsc.dup_acks': u16(8),
  'hdr.num_buffers': u16(10),
  hash_value_lo: u16(12),
  hash_value_hi: u16(14),
  hash_report: u16(16),
  padding: u16(18),
});

export const virtio_net_hdr_v1_hash_tunnel = struct(24, {
  'hash_hdr.hdr.flags': u8(0),
  'hash_hdr.hdr.gso_type': u8(1),
  'hash_hdr.hdr.hdr_len': u16(2),
  'hash_hdr.hdr.gso_size': u16(4),
  'hash_hdr.hdr.csum_start': u16(6),
  'hash_hdr.hdr.csum_offset': u16(8),
  'hash_hdr.hdr.csum.start': u16(6),
  'hash_hdr.hdr.csum.offset': u16(8),
  'hash_hdr.hdr.rsc.segments': u16(6),
  'hash_hdr.hdr.rsc.dup_acks': u16(8),
  'hash_hdr.hdr.num_buffers': u16(10),
  'hash_hdr.hash_value_lo': u16(12),
  'hash_hdr.hash_value_hi': u16(14),
  'hash_hdr.hash_report': u16(16),
  'hash_hdr.padding': u16(18),
  outer_th_offset: u16(20),
  inner_nh_offset: u16(22),
});

export const virtio_net_hdr = struct(10, {
  flags: u8(0),
  gso_type: u8(1),
  hdr_len: u16(2),
  gso_size: u16(4),
  csum_start: u16(6),
  csum_offset: u16(8),
});

export const virtio_net_hdr_mrg_rxbuf = struct(12, {
  'hdr.flags': u8(0),
  'hdr.gso_type': u8(1),
  'hdr.hdr_len': u16(2),
  'hdr.gso_size': u16(4),
  'hdr.csum_start': u16(6),
  'hdr.csum_offset': u16(8),
  num_buffers: u16(10),
});

export const virtio_net_ctrl_hdr = struct(2, {
  class: u8(0),
  cmd: u8(1),
});

export const virtio_net_ctrl_mac = struct(4, {
  entries: u32(0),
  macs: bytes(4, 0),
});

export const virtio_net_ctrl_mq = struct(2, {
  virtqueue_pairs: u16(0),
});

export const virtio_net_rss_config = struct(16, {
  hash_types: u32(0),
  indirection_table_mask: u16(4),
  unclassified_queue: u16(6),
  indirection_table: bytes(8, 2),
  max_tx_vq: u16(10),
  hash_key_length: u8(12),
  hash_key_data: bytes(13, 0),
});

export const virtio_net_rss_config_hdr = struct(8, {
  hash_types: u32(0),
  indirection_table_mask: u16(4),
  unclassified_queue: u16(6),
  indirection_table: bytes(8, 0),
});

export const virtio_net_rss_config_trailer = struct(4, {
  max_tx_vq: u16(0),
  hash_key_length: u8(2),
  hash_key_data: bytes(3, 0),
});

export const virtio_net_hash_config = struct(16, {
  hash_types: u32(0),
  reserved: bytes(4, 8),
  hash_key_length: u8(12),
  hash_key_data: bytes(13, 0),
});

export const virtio_net_ctrl_coal_tx = struct(8, {
  tx_max_packets: u32(0),
  tx_usecs: u32(4),
});

export const virtio_net_ctrl_coal_rx = struct(8, {
  rx_max_packets: u32(0),
  rx_usecs: u32(4),
});

export const virtio_net_ctrl_coal = struct(8, {
  max_packets: u32(0),
  max_usecs: u32(4),
});

export const virtio_net_ctrl_coal_vq = struct(12, {
  vqn: u16(0),
  reserved: u16(2),
  'coal.max_packets': u32(4),
  'coal.max_usecs': u32(8),
});

export const virtio_net_stats_capabilities = struct(8, {
  supported_stats_types: bytes(0, 8),
});

export const virtio_net_ctrl_queue_stats = struct(16, {
  stats: bytes(0, 16),
});

export const virtio_net_stats_reply_hdr = struct(8, {
  type: u8(0),
  reserved: u8(1),
  vq_index: u16(2),
  reserved1: u16(4),
  size: u16(6),
});

export const virtio_net_stats_cvq = struct(24, {
  'hdr.type': u8(0),
  'hdr.reserved': u8(1),
  'hdr.vq_index': u16(2),
  'hdr.reserved1': u16(4),
  'hdr.size': u16(6),
  command_num: u64(8),
  ok_num: u64(16),
});

export const virtio_net_stats_rx_basic = struct(56, {
  'hdr.type': u8(0),
  'hdr.reserved': u8(1),
  'hdr.vq_index': u16(2),
  'hdr.reserved1': u16(4),
  'hdr.size': u16(6),
  rx_notifications: u64(8),
  rx_packets: u64(16),
  rx_bytes: u64(24),
  rx_interrupts: u64(32),
  rx_drops: u64(40),
  rx_drop_overruns: u64(48),
});

export const virtio_net_stats_tx_basic = struct(56, {
  'hdr.type': u8(0),
  'hdr.reserved': u8(1),
  'hdr.vq_index': u16(2),
  'hdr.reserved1': u16(4),
  'hdr.size': u16(6),
  tx_notifications: u64(8),
  tx_packets: u64(16),
  tx_bytes: u64(24),
  tx_interrupts: u64(32),
  tx_drops: u64(40),
  tx_drop_malformed: u64(48),
});

export const virtio_net_stats_rx_csum = struct(40, {
  'hdr.type': u8(0),
  'hdr.reserved': u8(1),
  'hdr.vq_index': u16(2),
  'hdr.reserved1': u16(4),
  'hdr.size': u16(6),
  rx_csum_valid: u64(8),
  rx_needs_csum: u64(16),
  rx_csum_none: u64(24),
  rx_csum_bad: u64(32),
});

export const virtio_net_stats_tx_csum = struct(24, {
  'hdr.type': u8(0),
  'hdr.reserved': u8(1),
  'hdr.vq_index': u16(2),
  'hdr.reserved1': u16(4),
  'hdr.size': u16(6),
  tx_csum_none: u64(8),
  tx_needs_csum: u64(16),
});

export const virtio_net_stats_rx_gso = struct(40, {
  'hdr.type': u8(0),
  'hdr.reserved': u8(1),
  'hdr.vq_index': u16(2),
  'hdr.reserved1': u16(4),
  'hdr.size': u16(6),
  rx_gso_packets: u64(8),
  rx_gso_bytes: u64(16),
  rx_gso_packets_coalesced: u64(24),
  rx_gso_bytes_coalesced: u64(32),
});

export const virtio_net_stats_tx_gso = struct(56, {
  'hdr.type': u8(0),
  'hdr.reserved': u8(1),
  'hdr.vq_index': u16(2),
  'hdr.reserved1': u16(4),
  'hdr.size': u16(6),
  tx_gso_packets: u64(8),
  tx_gso_bytes: u64(16),
  tx_gso_segments: u64(24),
  tx_gso_segments_bytes: u64(32),
  tx_gso_packets_noseg: u64(40),
  tx_gso_bytes_noseg: u64(48),
});

export const virtio_net_stats_rx_speed = struct(24, {
  'hdr.type': u8(0),
  'hdr.reserved': u8(1),
  'hdr.vq_index': u16(2),
  'hdr.reserved1': u16(4),
  'hdr.size': u16(6),
  rx_ratelimit_packets: u64(8),
  rx_ratelimit_bytes: u64(16),
});

export const virtio_net_stats_tx_speed = struct(24, {
  'hdr.type': u8(0),
  'hdr.reserved': u8(1),
  'hdr.vq_index': u16(2),
  'hdr.reserved1': u16(4),
  'hdr.size': u16(6),
  tx_ratelimit_packets: u64(8),
  tx_ratelimit_bytes: u64(16),
});
