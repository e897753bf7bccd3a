/**
 * TAP devices and interface requests: linux/if_tun.h, linux/if.h, linux/sockios.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, s16, s32, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const IFNAMSIZ = 16;
export const IFF_UP = 1;
export const IFF_BROADCAST = 2;
export const IFF_DEBUG = 4;
export const IFF_LOOPBACK = 8;
export const IFF_POINTOPOINT = 16;
export const IFF_NOTRAILERS = 32;
export const IFF_RUNNING = 64;
export const IFF_NOARP = 128;
export const IFF_PROMISC = 0x100;
export const IFF_ALLMULTI = 0x200;
export const IFF_MASTER = 0x400;
export const IFF_SLAVE = 0x800;
export const IFF_MULTICAST = 0x1000;
export const IFF_PORTSEL = 0x2000;
export const IFF_AUTOMEDIA = 0x4000;
export const IFF_DYNAMIC = 0x8000;
export const IFF_LOWER_UP = 0x10000;
export const IFF_DORMANT = 0x20000;
export const IFF_ECHO = 0x40000;
export const IFF_VOLATILE = 0x70c5a;
export const ETH_ALEN = 6;
export const ETH_HLEN = 14;
export const TUN_READQ_SIZE = 500;
export const TUN_TUN_DEV = 1;
export const TUN_TAP_DEV = 2;
export const TUN_TYPE_MASK = 0xf;
export const TUNSETNOCSUM = 0x400454c8;
export const TUNSETDEBUG = 0x400454c9;
export const TUNSETIFF = 0x400454ca;
export const TUNSETPERSIST = 0x400454cb;
export const TUNSETOWNER = 0x400454cc;
export const TUNSETLINK = 0x400454cd;
export const TUNSETGROUP = 0x400454ce;
export const TUNGETFEATURES = 0x800454cf;
export const TUNSETOFFLOAD = 0x400454d0;
export const TUNSETTXFILTER = 0x400454d1;
export const TUNGETIFF = 0x800454d2;
export const TUNGETSNDBUF = 0x800454d3;
export const TUNSETSNDBUF = 0x400454d4;
export const TUNATTACHFILTER = 0x401054d5;
export const TUNDETACHFILTER = 0x401054d6;
export const TUNGETVNETHDRSZ = 0x800454d7;
export const TUNSETVNETHDRSZ = 0x400454d8;
export const TUNSETQUEUE = 0x400454d9;
export const TUNSETIFINDEX = 0x400454da;
export const TUNGETFILTER = 0x801054db;
export const TUNSETVNETLE = 0x400454dc;
export const TUNGETVNETLE = 0x800454dd;
export const TUNSETVNETBE = 0x400454de;
export const TUNGETVNETBE = 0x800454df;
export const TUNSETSTEERINGEBPF = 0x800454e0;
export const TUNSETFILTEREBPF = 0x800454e1;
export const TUNSETCARRIER = 0x400454e2;
export const TUNGETDEVNETNS = 0x54e3;
export const IFF_TUN = 1;
export const IFF_TAP = 2;
export const IFF_NAPI = 0x10;
export const IFF_NAPI_FRAGS = 0x20;
export const IFF_NO_CARRIER = 0x40;
export const IFF_BACKPRESSURE = 0x80;
export const IFF_NO_PI = 0x1000;
export const IFF_ONE_QUEUE = 0x2000;
export const IFF_VNET_HDR = 0x4000;
export const IFF_TUN_EXCL = 0x8000;
export const IFF_MULTI_QUEUE = 0x100;
export const IFF_ATTACH_QUEUE = 0x200;
export const IFF_DETACH_QUEUE = 0x400;
export const IFF_PERSIST = 0x800;
export const IFF_NOFILTER = 0x1000;
export const TUN_TX_TIMESTAMP = 1;
export const TUN_F_CSUM = 1;
export const TUN_F_TSO4 = 2;
export const TUN_F_TSO6 = 4;
export const TUN_F_TSO_ECN = 8;
export const TUN_F_UFO = 0x10;
export const TUN_F_USO4 = 0x20;
export const TUN_F_USO6 = 0x40;
export const TUN_F_UDP_TUNNEL_GSO = 0x80;
export const TUN_F_UDP_TUNNEL_GSO_CSUM = 0x100;
export const TUN_PKT_STRIP = 1;
export const TUN_FLT_ALLMULTI = 1;
export const SIOCGIFNAME = 0x8910;
export const SIOCSIFLINK = 0x8911;
export const SIOCGIFCONF = 0x8912;
export const SIOCGIFFLAGS = 0x8913;
export const SIOCSIFFLAGS = 0x8914;
export const SIOCGIFADDR = 0x8915;
export const SIOCSIFADDR = 0x8916;
export const SIOCGIFDSTADDR = 0x8917;
export const SIOCSIFDSTADDR = 0x8918;
export const SIOCGIFBRDADDR = 0x8919;
export const SIOCSIFBRDADDR = 0x891a;
export const SIOCGIFNETMASK = 0x891b;
export const SIOCSIFNETMASK = 0x891c;
export const SIOCGIFMETRIC = 0x891d;
export const SIOCSIFMETRIC = 0x891e;
export const SIOCGIFMEM = 0x891f;
export const SIOCSIFMEM = 0x8920;
export const SIOCGIFMTU = 0x8921;
export const SIOCSIFMTU = 0x8922;
export const SIOCSIFNAME = 0x8923;
export const SIOCSIFHWADDR = 0x8924;
export const SIOCGIFENCAP = 0x8925;
export const SIOCSIFENCAP = 0x8926;
export const SIOCGIFHWADDR = 0x8927;
export const SIOCGIFSLAVE = 0x8929;
export const SIOCSIFSLAVE = 0x8930;
export const SIOCGIFINDEX = 0x8933;
export const SIOCSIFPFLAGS = 0x8934;
export const SIOCGIFPFLAGS = 0x8935;
export const SIOCSIFHWBROADCAST = 0x8937;
export const SIOCGIFCOUNT = 0x8938;
export const SIOCGIFBR = 0x8940;
export const SIOCSIFBR = 0x8941;
export const SIOCGIFTXQLEN = 0x8942;
export const SIOCSIFTXQLEN = 0x8943;
export const SIOCGIFMAP = 0x8970;
export const SIOCSIFMAP = 0x8971;
export const SIOCGIFVLAN = 0x8982;
export const SIOCSIFVLAN = 0x8983;
export const SIOCBRADDIF = 0x89a2;

export const ifreq = struct(40, {
  'ifr_ifrn.ifrn_name': bytes(0, 16),
  'ifr_ifru.ifru_addr.sa_family': u16(16),
  'ifr_ifru.ifru_addr.sa_data': bytes(18, 14),
  'ifr_ifru.ifru_dstaddr.sa_family': u16(16),
  'ifr_ifru.ifru_dstaddr.sa_data': bytes(18, 14),
  'ifr_ifru.ifru_broadaddr.sa_family': u16(16),
  'ifr_ifru.ifru_broadaddr.sa_data': bytes(18, 14),
  'ifr_ifru.ifru_netmask.sa_family': u16(16),
  'ifr_ifru.ifru_netmask.sa_data': bytes(18, 14),
  'ifr_ifru.ifru_hwaddr.sa_family': u16(16),
  'ifr_ifru.ifru_hwaddr.sa_data': bytes(18, 14),
  'ifr_ifru.ifru_flags': s16(16),
  'ifr_ifru.ifru_ivalue': s32(16),
  'ifr_ifru.ifru_mtu': s32(16),
  'ifr_ifru.ifru_map.mem_start': u64(16),
  'ifr_ifru.ifru_map.mem_end': u64(24),
  'ifr_ifru.ifru_map.base_addr': u16(32),
  'ifr_ifru.ifru_map.irq': u8(34),
  'ifr_ifru.ifru_map.dma': u8(35),
  'ifr_ifru.ifru_map.port': u8(36),
  'ifr_ifru.ifru_slave': bytes(16, 16),
  'ifr_ifru.ifru_newname': bytes(16, 16),
  'ifr_ifru.ifru_data': u64(16),
  'ifr_ifru.ifru_settings.type': u32(16),
  'ifr_ifru.ifru_settings.size': u32(20),
  'ifr_ifru.ifru_settings.ifs_ifsu.raw_hdlc': u64(24),
  'ifr_ifru.ifru_settings.ifs_ifsu.cisco': u64(24),
  'ifr_ifru.ifru_settings.ifs_ifsu.fr': u64(24),
  'ifr_ifru.ifru_settings.ifs_ifsu.fr_pvc': u64(24),
  'ifr_ifru.ifru_settings.ifs_ifsu.fr_pvc_info': u64(24),
  'ifr_ifru.ifru_settings.ifs_ifsu.x25': u64(24),
  'ifr_ifru.ifru_settings.ifs_ifsu.sync': u64(24),
  'ifr_ifru.ifru_settings.ifs_ifsu.te1': u64(24),
});

export const tun_filter = struct(4, {
  flags: u16(0),
  count: u16(2),
  addr: bytes(4, 0),
});
