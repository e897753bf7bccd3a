/** Which device a back-end may be, since the protocol does not tell: by `--type`, or by what it offers. */

import { parseConfig } from '../config/parse.ts';
import type { AnyServedKeys } from '../config/served-types.ts';
import { SERVED_TYPES, type ServedType } from '../config/served-types.ts';
import { profileOf } from '../io/served-profiles.ts';
import { bitsOf, hasFeatureName } from '../vhost-user/feature-names.ts';
import type { DeviceProfile } from '../vhost-user/profile.ts';
import { VHOST_USER_PROTOCOL_F_CONFIG } from '../vhost-user/protocol-features.ts';
import { hasFeature } from '../virtio/features.ts';

export type ProbedType = Exclude<ServedType, 'vhost-user'>;
export const PROBED_TYPES = Object.keys(SERVED_TYPES).filter((type) => type !== 'vhost-user') as readonly ProbedType[];

/** Bits that mean something else for each device type (virtio 1.4 §2.2). */
const OWN_BIT_MAX = 23;
const OWN_BIT_MIN_HIGH = 50;

export interface KnownType {
  readonly type: ProbedType;
  readonly profile: DeviceProfile;
}

/** The type as a config has it that says nothing else. */
export function knownType(type: ProbedType): KnownType {
  const text = `name: probe\nkernel: none\ndevices: { probed: { type: ${type}, backend: none } }\n`;
  const config = parseConfig(text, { file: 'probe', directory: '/', resolvePath: (path) => path });
  return { type, profile: profileOf(config.devices['probed'] as AnyServedKeys, 'probed') };
}

export interface Offer {
  readonly features: bigint;
  /** 0n where there are none. */
  readonly protocolFeatures: bigint;
  readonly queueCount: number | undefined;
}

/** The types that could offer this; the one that it most likely is stands alone, if there is one. */
export function guessTypes(offer: Offer): readonly ProbedType[] {
  const own = bitsOf(offer.features).filter(isOwnBit);
  const fitting = PROBED_TYPES.map(knownType).filter(({ profile }) => fits(profile, own, offer));
  // A type whose config space is the front-end's does not need to offer one.
  const hasConfig = hasFeature(offer.protocolFeatures, VHOST_USER_PROTOCOL_F_CONFIG);
  const likely = fitting.filter(({ profile }) => hasConfig === configBytes(profile) > 0);
  return (likely.length > 0 ? likely : fitting).map(({ type }) => type);
}

/** Bytes of config space that a back-end of this type has to show. */
export function configBytes({ config }: DeviceProfile): number {
  return 'size' in config ? config.size : 0;
}

export function isOwnBit(bit: number): boolean {
  return bit <= OWN_BIT_MAX || bit >= OWN_BIT_MIN_HIGH;
}

function fits(profile: DeviceProfile, own: readonly number[], { queueCount, protocolFeatures }: Offer): boolean {
  const hasConfig = hasFeature(protocolFeatures, VHOST_USER_PROTOCOL_F_CONFIG);
  if (configBytes(profile) > 0 && !hasConfig) return false;
  if (queueCount !== undefined && queueCount < profile.queueCountMin) return false;
  return own.every((bit) => hasFeatureName(bit, profile.id) === true);
}
