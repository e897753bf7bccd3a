/**
 * The device types that `devices:` may name: one line each, `type: keys`. The key tables stand beside this file, one
 * per device type, written with kinds.ts.
 */
import type { ObjectField } from './kinds.ts';

export const DEVICE_TYPES = {} as const satisfies Record<string, ObjectField>;
