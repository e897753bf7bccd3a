/**
 * Ioctls of block devices: linux/fs.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
export const BLKROSET = 0x125d;
export const BLKROGET = 0x125e;
export const BLKRRPART = 0x125f;
export const BLKGETSIZE = 0x1260;
export const BLKFLSBUF = 0x1261;
export const BLKRASET = 0x1262;
export const BLKRAGET = 0x1263;
export const BLKFRASET = 0x1264;
export const BLKFRAGET = 0x1265;
export const BLKSECTSET = 0x1266;
export const BLKSECTGET = 0x1267;
export const BLKSSZGET = 0x1268;
export const BLKTRACESTART = 0x1274;
export const BLKTRACESTOP = 0x1275;
export const BLKTRACETEARDOWN = 0x1276;
export const BLKDISCARD = 0x1277;
export const BLKIOMIN = 0x1278;
export const BLKIOOPT = 0x1279;
export const BLKALIGNOFF = 0x127a;
export const BLKPBSZGET = 0x127b;
export const BLKDISCARDZEROES = 0x127c;
export const BLKSECDISCARD = 0x127d;
export const BLKROTATIONAL = 0x127e;
export const BLKZEROOUT = 0x127f;
export const BLKGETDISKSEQ = 0x80081280;
export const RWF_HIPRI = 1;
export const RWF_DSYNC = 2;
export const RWF_SYNC = 4;
export const RWF_NOWAIT = 8;
export const RWF_APPEND = 0x10;
export const RWF_NOAPPEND = 0x20;
export const RWF_ATOMIC = 0x40;
export const RWF_DONTCACHE = 0x80;
export const RWF_NOSIGNAL = 0x100;
export const RWF_SUPPORTED = 0x1ff;
