/**
 * The device types of ours that can be served from a process of their own, `orko-vmm backend TYPE`: the same keys as in a
 * config, but for those that are the business of whoever shows the device to a guest.
 */
import { DEVICE_TYPES, type DeviceKeys, type DeviceType } from './device-types.ts';
import { type Field, object } from './kinds.ts';
import { macAddressOf } from './mac-address.ts';
import { read } from './read.ts';
import type { Reading } from './reading.ts';
import type { Source } from './source.ts';

interface ExportedType {
  /** As back-ends say it ("Backend program conventions": vhost-user.json). */
  readonly capability: string;
  /** What front-ends may rely on beside that. */
  readonly features?: readonly string[];
  /** Its requests may be done again by another process. */
  readonly keepsNotes?: true;
  /** Front-ends make the config space themselves. */
  readonly hidesConfig?: true;
  /** Queues that front-ends count on, whether the config uses them or not. */
  readonly queueCountMin?: number;
}

export const EXPORTED_TYPES = {
  blk: { capability: 'block', features: ['blk-file', 'read-only'], keepsNotes: true },
  // Those of the control port belong to ports that may not be there.
  console: { capability: 'console', queueCountMin: 4 },
  net: { capability: 'net', hidesConfig: true },
  rng: { capability: 'rng' },
  rtc: { capability: 'rtc', queueCountMin: 2 },
  vsock: { capability: 'vsock' },
} as const satisfies Partial<Record<DeviceType, ExportedType>> as Readonly<Record<ExportedTypeName, ExportedType>>;

export type ExportedTypeName = 'blk' | 'console' | 'net' | 'rng' | 'rtc' | 'vsock';

/** The keys of one device, after parsing. */
export type ExportedKeys = {
  [Type in ExportedTypeName]: { readonly type: Type } & DeviceKeys<Type>;
}[ExportedTypeName];

/** Where the device is seen is decided where that happens. */
const NOT_OURS: readonly string[] = ['iothread', 'interrupt', 'transport', 'hotplug', 'children', 'vhost'];

export function exportedKeys(type: ExportedTypeName): Readonly<Record<string, Field>> {
  return Object.fromEntries(Object.entries(DEVICE_TYPES[type].keys).filter(([key]) => !NOT_OURS.includes(key)));
}

/** `values`: by key, as though a config said them. A ConfigError names the key. */
export function readExported(
  type: ExportedTypeName,
  name: string,
  values: ReadonlyMap<string, Source>,
  resolvePath: Reading['resolvePath'],
): ExportedKeys {
  const at = { file: '', line: undefined };
  const table = object({ help: '', keys: exportedKeys(type) });
  const keys = read(table, { kind: 'mapping', entries: values, at }, '', { resolvePath, paths: [] }) as ExportedKeys;
  if (type !== 'net') return { ...keys, type } as ExportedKeys;
  const { mac = macAddressOf('backend', name) } = keys as DeviceKeys<'net'>;
  return { ...keys, type, mac } as ExportedKeys;
}
