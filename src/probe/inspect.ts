/** What a back-end says that it is. Asked in the order of front-end.ts, but nothing that it answers is an error here. */
import { UnixSocket } from '../host/unix-socket.ts';
import { OUR_PROTOCOL_FEATURES } from '../vhost-user/front-end.ts';
import { PeerFault } from '../vhost-user/peer-fault.ts';
import {
  VHOST_USER_F_PROTOCOL_FEATURES,
  VHOST_USER_PROTOCOL_F_BACKEND_REQ,
  VHOST_USER_PROTOCOL_F_CONFIG,
  VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
  VHOST_USER_PROTOCOL_F_MQ,
  VHOST_USER_PROTOCOL_F_REPLY_ACK,
  VHOST_USER_PROTOCOL_F_SHMEM,
} from '../vhost-user/protocol-features.ts';
import { hasFeature } from '../virtio/features.ts';
import { Peer } from './peer.ts';
import type { Target } from './target.ts';
import { configBytes, guessTypes, type KnownType, knownType, type ProbedType } from './types.ts';

export interface Facts {
  readonly features: bigint;
  /** Undefined where it has none. */
  readonly protocolFeatures: bigint | undefined;
  /** What it answers to GET_QUEUE_NUM and GET_MAX_MEM_SLOTS; undefined where it cannot be asked. */
  readonly queueCount: bigint | undefined;
  readonly regionCount: bigint | undefined;
  /** Memory of its own that it may show to a guest: bytes by region id, 0 where there is none. */
  readonly sharedMemory: readonly bigint[];
  /** Undefined where it cannot be told: then these are the types that it could be. */
  readonly known: KnownType | undefined;
  readonly guesses: readonly ProbedType[];
  readonly isGuessed: boolean;
  /** Of the size that the type has; or why there is none. */
  readonly config: Uint8Array | string | undefined;
}

/** Takes a connection of its own. A PeerFault where it cannot even be asked for its features. */
export function inspect(target: Target, timeoutMs: number, type: ProbedType | undefined): Facts {
  using peer = new Peer(target.connect(), timeoutMs);
  const { features, protocolFeatures } = negotiate(peer);
  const has = (feature: number) => hasFeature(protocolFeatures ?? 0n, feature);
  using resources = new DisposableStack();
  if (has(VHOST_USER_PROTOCOL_F_BACKEND_REQ)) giveChannel(peer, resources);
  const queueCount = has(VHOST_USER_PROTOCOL_F_MQ) ? peer.ask('GET_QUEUE_NUM', undefined) : undefined;
  const regionCount = has(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)
    ? peer.ask('GET_MAX_MEM_SLOTS', undefined)
    : undefined;
  const sharedMemory = has(VHOST_USER_PROTOCOL_F_SHMEM) ? peer.ask('GET_SHMEM_CONFIG', undefined) : [];
  const offer = {
    ...{ features, protocolFeatures: protocolFeatures ?? 0n },
    queueCount: queueCount === undefined ? undefined : Number(queueCount),
  };
  const guesses = type === undefined ? guessTypes(offer) : [type];
  const known = guesses.length === 1 ? knownType(guesses[0]!) : undefined;
  const size = known && has(VHOST_USER_PROTOCOL_F_CONFIG) ? configBytes(known.profile) : 0;
  const config = size > 0 ? readConfig(peer, size) : undefined;
  return {
    ...{ features, protocolFeatures, queueCount, regionCount, sharedMemory },
    ...{ known, guesses, isGuessed: type === undefined, config },
  };
}

/** The first words, as orko-vmm says them. `more`: protocol features that a VM does not accept. */
export function negotiate(
  peer: Peer,
  more = 0n,
): { readonly features: bigint; readonly protocolFeatures: bigint | undefined } {
  peer.send('SET_OWNER', undefined);
  const features = peer.ask('GET_FEATURES', undefined);
  if (!hasFeature(features, VHOST_USER_F_PROTOCOL_FEATURES)) return { features, protocolFeatures: undefined };
  const protocolFeatures = peer.ask('GET_PROTOCOL_FEATURES', undefined);
  peer.send('SET_PROTOCOL_FEATURES', protocolFeatures & (OUR_PROTOCOL_FEATURES | more));
  peer.hasAcks = hasFeature(protocolFeatures, VHOST_USER_PROTOCOL_F_REPLY_ACK);
  return { features, protocolFeatures };
}

/** It stays open, and unread, as long as the connection. */
export function giveChannel(peer: Peer, resources: DisposableStack): void {
  const [ours, theirs] = UnixSocket.pair("the back-end's channel");
  resources.use(ours);
  using _ = theirs;
  peer.tell('SET_BACKEND_REQ_FD', undefined, [theirs]);
}

function readConfig(peer: Peer, size: number): Uint8Array | string {
  try {
    const { bytes } = peer.ask('GET_CONFIG', { offset: 0, flags: 0, bytes: new Uint8Array(size) });
    return bytes.length === size ? bytes : `it gives ${bytes.length} bytes where ${size} were asked for`;
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error;
    return error.message;
  }
}
