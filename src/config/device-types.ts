/**
 * The device types that `devices:` may name: one line each, `type: keys`. The key tables stand in `devices/`, one file
 * per device type, written with kinds.ts; each spreads COMMON_KEYS in.
 */
import { balloon } from './devices/balloon.ts';
import { blk } from './devices/blk.ts';
import { console } from './devices/console.ts';
import { net } from './devices/net.ts';
import { pmem } from './devices/pmem.ts';
import { rng } from './devices/rng.ts';
import { rtc } from './devices/rtc.ts';
import { vfio } from './devices/vfio.ts';
import { vsock } from './devices/vsock.ts';
import type { ObjectField, ObjectValue } from './kinds.ts';

export const DEVICE_TYPES = {
  balloon,
  blk,
  console,
  net,
  pmem,
  rng,
  rtc,
  vfio,
  vsock,
} as const satisfies Record<string, ObjectField>;

export type DeviceType = keyof typeof DEVICE_TYPES;
/** Those that orko-vmm makes; the others are the host's own. */
export type VirtioType = Exclude<DeviceType, 'vfio'>;

/** The keys of one device of that type, after parsing. */
export type DeviceKeys<Type extends DeviceType> = ObjectValue<(typeof DEVICE_TYPES)[Type]['keys']>;
