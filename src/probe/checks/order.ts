/** Good messages in an order that nobody expects, and front-ends that come and go (vhost-user, "Communication"). */
import { VIRTIO_F_VERSION_1 } from '../../abi/virtio.ts';
import { EventFd } from '../../host/eventfd.ts';
import { encodeHeader, FRONT_END } from '../../vhost-user/message.ts';
import { features } from '../../virtio/features.ts';
import { RING_ENTRIES } from '../driver-ring.ts';
import { MEMORY_BASE } from '../memory.ts';
import type { Peer } from '../peer.ts';
import { type Check, fail } from '../verdict.ts';

const COMINGS_COUNT = 20;

interface Order {
  readonly id: string;
  readonly title: string;
  send(peer: Peer, kick: EventFd): void;
}

/** Each is the first that the back-end hears. */
const ORDERS: readonly Order[] = [
  {
    id: 'base-first',
    title: 'GET_VRING_BASE before anything else',
    send: (peer) => peer.send('GET_VRING_BASE', { index: 0, num: 0 }),
  },
  {
    id: 'kick-first',
    title: 'SET_VRING_KICK before anything else',
    send: (peer, kick) => peer.send('SET_VRING_KICK', { index: 0, hasFd: true }, [kick]),
  },
  {
    id: 'kicked-first',
    title: 'a kick of a ring without size, addresses and memory',
    send(peer, kick) {
      peer.send('SET_OWNER', undefined);
      peer.send('SET_FEATURES', features(VIRTIO_F_VERSION_1));
      peer.send('SET_VRING_KICK', { index: 0, hasFd: true }, [kick]);
      peer.send('SET_VRING_ENABLE', { index: 0, num: 1 });
      kick.signalShared();
    },
  },
  {
    id: 'addresses-first',
    title: 'the addresses of a ring before memory',
    send(peer) {
      const at = BigInt(MEMORY_BASE);
      const places = { desc_user_addr: at, avail_user_addr: at, used_user_addr: at };
      peer.send('SET_VRING_ADDR', { index: 0, flags: 0, log_guest_addr: 0n, ...places });
    },
  },
  {
    id: 'enable-first',
    title: 'SET_VRING_ENABLE before features',
    send: (peer) => peer.send('SET_VRING_ENABLE', { index: 0, num: 1 }),
  },
  {
    id: 'config-first',
    title: 'GET_CONFIG before protocol features',
    send: (peer) => peer.send('GET_CONFIG', { offset: 0, flags: 0, bytes: new Uint8Array(4) }),
  },
  {
    id: 'owner-twice',
    title: 'SET_OWNER twice',
    send(peer) {
      peer.send('SET_OWNER', undefined);
      peer.send('SET_OWNER', undefined);
    },
  },
  {
    id: 'features-twice',
    title: 'SET_FEATURES twice',
    send(peer) {
      for (let time = 0; time < 2; time++) peer.send('SET_FEATURES', features(VIRTIO_F_VERSION_1));
    },
  },
  {
    id: 'reset-first',
    title: 'RESET_DEVICE before anything else',
    send: (peer) => peer.send('RESET_DEVICE', undefined),
  },
  {
    id: 'reset-owner',
    title: 'RESET_OWNER, which nobody uses any more',
    send: (peer) => peer.send('RESET_OWNER', undefined),
  },
];

/** A connection that ends in the middle of something. */
const CUTS: readonly { readonly id: string; readonly title: string; readonly bytes: Uint8Array }[] = [
  { id: 'silent', title: 'a front-end that says nothing', bytes: new Uint8Array() },
  { id: 'header', title: 'half a header', bytes: new Uint8Array(5) },
  { id: 'payload', title: 'half a payload', bytes: FRONT_END.encodeRequest('SET_FEATURES', 1n).subarray(0, 15) },
  {
    id: 'unread',
    title: 'a front-end that goes without reading the answer',
    bytes: encodeHeader({ request: 1, isReply: false, needsReply: false, size: 0 }),
  },
];

/** Front-ends that do nothing wrong. */
export const COMINGS: readonly Check[] = [
  {
    id: 'come-and-go',
    title: `It serves ${COMINGS_COUNT} front-ends, one after the other`,
    run(bench) {
      for (let coming = 0; coming < COMINGS_COUNT; coming++) {
        using guest = bench.guest();
        guest.start();
        guest.stop();
      }
      return undefined;
    },
  },
  {
    id: 'second-front-end',
    title: 'A second front-end does not disturb the first',
    run(bench) {
      using first = bench.meet();
      first.tell('SET_VRING_NUM', { index: 0, num: RING_ENTRIES });
      if (!bench.target.tryAnother()) return 'it does not take a second one';
      if (first.aftermath() === 'closed') fail('the first is closed');
      return undefined;
    },
  },
];

export const ORDER_CHECKS: readonly Check[] = [
  ...ORDERS.map(
    ({ id, title, send }): Check => ({
      id: `order-${id}`,
      title: `It survives ${title}`,
      run(bench) {
        using peer = bench.connect();
        using kick = EventFd.create();
        return bench.provoke(peer, () => send(peer, kick));
      },
    }),
  ),
  ...CUTS.map(
    ({ id, title, bytes }): Check => ({
      id: `cut-${id}`,
      title: `It survives ${title}`,
      run(bench) {
        using peer = bench.connect();
        if (bytes.length > 0) peer.sendRaw(bytes);
        return undefined;
      },
    }),
  ),
  {
    id: 'cut-running',
    title: 'It survives a front-end that goes while rings run',
    run(bench) {
      using guest = bench.guest();
      guest.start();
      return undefined;
    },
  },
];
