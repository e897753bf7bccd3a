import { afterEach, describe, expect, test } from 'vitest';
import {
  VIRTIO_NET_CTRL_ANNOUNCE,
  VIRTIO_NET_CTRL_GUEST_OFFLOADS,
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_CTRL_MAC_TABLE_SET,
  VIRTIO_NET_CTRL_MQ,
  VIRTIO_NET_CTRL_RX,
  VIRTIO_NET_CTRL_RX_ALLMULTI,
  VIRTIO_NET_CTRL_RX_NOBCAST,
  VIRTIO_NET_CTRL_RX_PROMISC,
  VIRTIO_NET_ERR,
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_GUEST_ANNOUNCE,
  VIRTIO_NET_F_GUEST_CSUM,
  VIRTIO_NET_F_GUEST_TSO4,
  VIRTIO_NET_F_HOST_TSO4,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_STATUS,
  VIRTIO_NET_HDR_F_DATA_VALID,
  VIRTIO_NET_OK,
  VIRTIO_NET_S_ANNOUNCE,
  VIRTIO_NET_S_LINK_UP,
} from '../../../src/abi/virtio-net.ts';
import { ConfigError, GuestFault } from '../../../src/base/errors.ts';
import { FRAME_BYTES_MAX } from '../../../src/devices/network.ts';
import { features } from '../../../src/virtio/features.ts';
import { frameOf, header, join, MAC, NetRig } from '../../support/net-rig.ts';
import { random } from '../../support/random.ts';

const OFFLOADS = features(VIRTIO_NET_F_CSUM, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4);
const FRAME = frameOf(100);
const BROADCAST = new Uint8Array(6).fill(0xff);

let rigs: NetRig[] = [];
afterEach(() => {
  for (const rig of rigs) rig[Symbol.dispose]();
  rigs = [];
});

function rigOf(...options: ConstructorParameters<typeof NetRig>): NetRig {
  const rig = new NetRig(...options);
  rigs.push(rig);
  return rig;
}

/** A card whose driver is there. */
function cardOf(...options: ConstructorParameters<typeof NetRig>): NetRig {
  const rig = rigOf(...options);
  rig.rig.activate();
  return rig;
}

describe('what is offered', () => {
  test('§5.1.3 features follow from the network and the config', () => {
    const has = (rig: NetRig, feature: number) => (rig.device.features & features(feature)) !== 0n;
    const plain = rigOf();
    const rich = rigOf({ offloads: OFFLOADS, pairs: 2, mtu: 9000 });
    for (const feature of [VIRTIO_NET_F_MAC, VIRTIO_NET_F_STATUS, VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_CTRL_VQ]) {
      expect(has(plain, feature)).toBe(true);
    }
    for (const feature of [VIRTIO_NET_F_CSUM, VIRTIO_NET_F_MQ, VIRTIO_NET_F_MTU, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS]) {
      expect([has(plain, feature), has(rich, feature)]).toEqual([false, true]);
    }
  });

  test('§5.1.2 queues: pairs, then the control queue', () => {
    expect(rigOf({ queueSize: 512 }).device.queueSizes).toEqual([512, 512, 64]);
    expect(rigOf({ pairs: 3 }).device.queueSizes).toEqual([256, 256, 256, 256, 256, 256, 64]);
  });

  test('§5.1.4 the config space', () => {
    expect(rigOf({ pairs: 2, mtu: 9000, speed: 2500 }).config).toMatchObject({
      mac: MAC,
      status: VIRTIO_NET_S_LINK_UP,
      max_virtqueue_pairs: 2,
      mtu: 9000,
      speed: 2500,
      duplex: 1,
    });
    expect(rigOf({ linkUp: false }).config).toMatchObject({ status: 0, speed: 0xffff_ffff });
  });
});

describe('transmitting (§5.1.6.2)', () => {
  test('a frame reaches the network with its header, however it is cut', () => {
    const card = cardOf();
    const bytes = join(header({ gso_type: 1, gso_size: 1448, hdr_len: 54 }), FRAME);
    expect(card.send(bytes)).toBe(true);
    expect(card.send(bytes.subarray(0, 5), bytes.subarray(5, 13), bytes.subarray(13))).toBe(true);
    expect([card.hostReceives(), card.hostReceives()]).toEqual([bytes, bytes]);
    expect(card.device.counters()).toMatchObject({ 'tx-frames': 2, 'tx-bytes': 2 * bytes.length, 'tx-dropped': 0 });
  });

  test('a network without headers gets the frame alone', () => {
    const card = cardOf({ hasHeaders: false });
    card.send(join(header(), FRAME));
    expect(card.hostReceives()).toEqual(FRAME);
  });

  test('buffers come back with nothing written, one interrupt for all of them', () => {
    const card = cardOf();
    const driver = card.rig.drivers[1]!;
    for (let count = 0; count < 5; count++) driver.add({ readable: [header(), FRAME] });
    driver.kick();
    card.rig.notify(1);
    expect(Array.from({ length: 6 }, () => driver.take()?.usedLength)).toEqual([0, 0, 0, 0, 0, undefined]);
    expect(card.rig.interrupts).toBe(1);
  });

  test('G32: what is no frame is dropped and given back: too short, too long, without a header, in 1025 pieces', () => {
    const card = rigOf();
    card.rig.activate({ size: 2048 });
    const driver = card.rig.drivers[1]!;
    const send = (...parts: Parameters<typeof driver.add>) => {
      driver.add(...parts);
      driver.kick();
      card.rig.notify(1);
      return driver.take()?.usedLength;
    };
    expect(send({ readable: [header(), frameOf(13)] })).toBe(0);
    expect(send({ readable: [Uint8Array.of(1, 2, 3)] })).toBe(0);
    expect(send({ readable: [header(), frameOf(FRAME_BYTES_MAX + 1)] })).toBe(0);
    expect(send({ writable: [2000] })).toBe(0);
    const pieces = (count: number) => [header(), ...Array.from({ length: count - 1 }, () => Uint8Array.of(7))];
    expect(send({ readable: pieces(1025) })).toBe(0);
    expect(send({ readable: pieces(1024) })).toBe(0);
    expect(card.hostReceives()?.length).toBe(12 + 1023);
    expect(card.hostReceives()).toBeUndefined();
    expect(card.device.counters()).toMatchObject({ 'tx-frames': 1, 'tx-dropped': 5 });
  });

  test('a full network: the frame waits, and goes when there is room', () => {
    const card = cardOf();
    const big = join(header(), frameOf(60_000));
    let sent = 0;
    while (card.send(big)) sent++;
    expect(sent).toBeGreaterThan(0);
    for (let got = 0; got < sent; got++) expect(card.hostReceives()?.length).toBe(big.length);
    card.arrive();
    expect(card.hostReceives()).toEqual(big);
    expect(card.rig.drivers[1]!.take()?.usedLength).toBe(0);
  });

  test('a turn is bounded: what is left goes in the next one', () => {
    const card = rigOf();
    card.rig.activate({ size: 256 });
    const driver = card.rig.drivers[1]!;
    for (let count = 0; count < 20; count++) driver.add({ readable: [header(), frameOf(60_000)] });
    driver.kick();
    card.rig.notify(1);
    const drain = () => {
      let count = 0;
      while (card.hostReceives()) count++;
      return count;
    };
    let all = drain();
    expect(all).toBeLessThan(20);
    for (let turns = 0; all < 20 && turns < 100; turns++) {
      card.rig.loop.turn();
      card.arrive();
      all += drain();
    }
    expect(all).toBe(20);
  });

  test('a rate limit holds frames back', () => {
    const card = cardOf({ rateLimit: { bytesPerSecond: 10_000, burstBytes: 100 } });
    expect(card.send(join(header(), FRAME))).toBe(true);
    expect(card.send(join(header(), FRAME))).toBe(false);
    card.rig.loop.advanceMs(20);
    expect(card.rig.drivers[1]!.take()?.usedLength).toBe(0);
  });
});

describe('receiving (§5.1.6.4)', () => {
  test('a frame fills one buffer: header, num_buffers, used length', () => {
    const card = cardOf();
    card.giveBuffers(1526, 1526);
    card.hostSends(join(header({ gso_type: 1, gso_size: 1448 }), FRAME));
    card.arrive();
    expect(card.takeBuffers()).toEqual([join(header({ num_buffers: 1 }), FRAME)]);
  });

  test('with VIRTIO_NET_F_GUEST_CSUM the header of the network is the guest’s, without it it says nothing', () => {
    for (const offloads of [OFFLOADS, 0n]) {
      const card = cardOf({ offloads });
      const arriving = header({ flags: VIRTIO_NET_HDR_F_DATA_VALID, hdr_len: 54 });
      card.giveBuffers(200);
      card.hostSends(join(arriving, FRAME));
      card.arrive();
      const shown = offloads ? { flags: VIRTIO_NET_HDR_F_DATA_VALID, hdr_len: 54 } : {};
      expect(card.takeBuffers()).toEqual([join(header({ ...shown, num_buffers: 1 }), FRAME)]);
    }
  });

  test('a network without headers: the guest gets one of zeros', () => {
    const card = cardOf({ hasHeaders: false });
    card.giveBuffers(64, 64);
    card.hostSends(FRAME);
    card.arrive();
    const taken = card.takeBuffers();
    expect(taken.map(({ length }) => length)).toEqual([64, 48]);
    expect(join(...taken)).toEqual(join(header({ num_buffers: 2 }), FRAME));
  });

  test('VIRTIO_NET_F_MRG_RXBUF: a long frame fills buffers of all sizes, also those that nobody had taken before', () => {
    const card = rigOf();
    card.rig.activate({ size: 128 });
    const frame = frameOf(65_000);
    for (let round = 1; round <= 3; round++) {
      const sizes = Array.from({ length: 100 }, (_, index) => 500 + 37 * ((index * round) % 20));
      card.giveBuffers(...sizes);
      card.hostSends(join(header(), frame));
      card.arrive();
      const taken = card.takeBuffers();
      expect(join(...taken)).toEqual(join(header({ num_buffers: taken.length }), frame));
      card.rig.ram.release(card.rig.ram.mark);
      const left = card.rig.drivers[0]!.outstanding;
      for (let count = 0; count < left; count++) card.hostSends(join(header(), frameOf(20)));
      for (let turns = 0; turns < 10; turns++) card.arrive();
      expect(card.takeBuffers().length).toBe(left);
    }
  });

  test('a frame for which there are not enough buffers waits for more of them', () => {
    const card = rigOf();
    card.rig.activate({ size: 64 });
    card.giveBuffers(1000, 1000);
    card.hostSends(join(header(), frameOf(5000)));
    card.hostSends(join(header(), FRAME));
    card.arrive();
    expect(card.takeBuffers()).toEqual([]);
    card.giveBuffers(1000, 1000);
    expect(card.takeBuffers()).toEqual([]);
    card.giveBuffers(1000, 1000, 1000);
    const taken = card.takeBuffers();
    expect(join(...taken.slice(0, 6))).toEqual(join(header({ num_buffers: 6 }), frameOf(5000)));
    expect(taken.slice(6)).toEqual([join(header({ num_buffers: 1 }), FRAME)]);
  });

  test('a frame that is longer than all buffers a queue can hold is dropped', () => {
    const card = rigOf();
    card.rig.activate({ size: 4 });
    card.giveBuffers(100, 100, 100, 100);
    card.hostSends(join(header(), frameOf(500)));
    card.hostSends(join(header(), frameOf(20)));
    card.arrive();
    expect(card.takeBuffers()).toEqual([join(header({ num_buffers: 1 }), frameOf(20))]);
    expect(card.device.counters()).toMatchObject({ 'rx-frames': 1, 'rx-dropped': 1 });
  });

  test('without VIRTIO_NET_F_MRG_RXBUF a frame has one buffer, of several descriptors, or is dropped', () => {
    const card = rigOf();
    card.rig.activate({ features: 0n });
    const driver = card.rig.drivers[0]!;
    driver.add({ writable: [12, 50, 70] });
    driver.kick();
    card.rig.notify(0);
    card.hostSends(join(header(), frameOf(121)));
    card.hostSends(join(header(), frameOf(120)));
    card.arrive();
    expect(driver.take()?.written()).toEqual(join(header({ num_buffers: 1 }), frameOf(120)));
    expect(card.device.counters()).toMatchObject({ 'rx-frames': 1, 'rx-dropped': 1 });
  });

  test('G31: a driver that gives no buffers: frames wait in the network, none is lost', () => {
    const card = cardOf();
    for (let seed = 0; seed < 3; seed++) card.hostSends(join(header(), frameOf(60, seed)));
    for (let turns = 0; turns < 5; turns++) card.arrive();
    card.giveBuffers(100, 100, 100);
    const expected = [0, 1, 2].map((seed) => join(header({ num_buffers: 1 }), frameOf(60, seed)));
    expect(card.takeBuffers()).toEqual(expected);
  });

  test('§5.1.6.3.1 a buffer that has no room for a header is a fault of the guest', () => {
    const card = cardOf();
    expect(() => card.giveBuffers(11)).toThrow(GuestFault);
  });

  test('what came before the driver is gone', () => {
    const card = rigOf();
    card.hostSends(join(header(), frameOf(60, 1)));
    card.rig.activate();
    card.giveBuffers(100);
    card.hostSends(join(header(), frameOf(60, 2)));
    card.arrive();
    expect(card.takeBuffers()).toEqual([join(header({ num_buffers: 1 }), frameOf(60, 2))]);
  });

  test('a turn is bounded: the rest comes in the next ones', () => {
    const card = rigOf();
    card.rig.activate({ size: 256 });
    card.giveBuffers(...Array<number>(200).fill(100));
    for (let count = 0; count < 200; count++) card.hostSends(join(header(), frameOf(20)));
    card.arrive();
    const first = card.takeBuffers().length;
    expect(first).toBeLessThan(100);
    card.rig.loop.settle();
    expect(first + card.takeBuffers().length).toBe(200);
  });

  test('a rate limit leaves frames where they are', () => {
    const card = cardOf({ rateLimit: { requestsPerSecond: 100, burstRequests: 1 } });
    card.giveBuffers(100, 100);
    for (let count = 0; count < 2; count++) card.hostSends(join(header(), frameOf(20)));
    card.arrive();
    expect(card.takeBuffers().length).toBe(1);
    card.rig.loop.advanceMs(11);
    expect(card.takeBuffers().length).toBe(1);
  });
});

describe('the link', () => {
  test('down: frames are lost both ways, and the driver is told', () => {
    const card = cardOf();
    let updates = 0;
    card.device.config.onUpdate(() => void updates++);
    expect(card.device.actions['link']!.run('down')).toBe('The link is down');
    expect(card.config.status).toBe(0);
    card.giveBuffers(100);
    card.hostSends(join(header(), FRAME));
    card.arrive();
    expect(card.send(join(header(), FRAME))).toBe(true);
    expect(card.hostReceives()).toBeUndefined();

    expect(card.device.actions['link']!.run('up')).toBe('The link is up');
    expect(card.config.status).toBe(VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
    expect(updates).toBe(2);
    expect(card.takeBuffers()).toEqual([]);
    expect(card.device.counters()).toMatchObject({ 'rx-dropped': 1, 'tx-dropped': 1 });
    card.hostSends(join(header(), frameOf(20)));
    card.arrive();
    expect(card.takeBuffers().length).toBe(1);
  });

  test('down: a frame that waits for buffers is lost too', () => {
    const card = cardOf();
    card.giveBuffers(100);
    card.hostSends(join(header(), frameOf(500)));
    card.arrive();
    card.device.actions['link']!.run('down');
    card.device.actions['link']!.run('up');
    card.hostSends(join(header(), FRAME));
    card.giveBuffers(100);
    expect(join(...card.takeBuffers())).toEqual(join(header({ num_buffers: 2 }), FRAME));
  });

  test('§5.1.6.5.4 the driver acknowledges the announcement', () => {
    const card = cardOf();
    card.device.actions['link']!.run('down');
    card.device.actions['link']!.run('up');
    expect(card.command([VIRTIO_NET_CTRL_ANNOUNCE, 0])).toBe(VIRTIO_NET_OK);
    expect(card.config.status).toBe(VIRTIO_NET_S_LINK_UP);
  });

  test('a driver without VIRTIO_NET_F_GUEST_ANNOUNCE is not asked to', () => {
    const card = rigOf();
    card.rig.activate({ features: card.device.features & ~features(VIRTIO_NET_F_GUEST_ANNOUNCE) });
    card.device.actions['link']!.run('down');
    card.device.actions['link']!.run('up');
    expect(card.config.status).toBe(VIRTIO_NET_S_LINK_UP);
  });

  test('the action says how the link is, and refuses other words', () => {
    const { device } = cardOf({ linkUp: false });
    expect(device.actions['link']!.run(undefined)).toBe('The link is down');
    expect(() => device.actions['link']!.run('sideways')).toThrow(ConfigError);
  });

  test.each([
    ['a driver that has buffers for frames', [100]],
    ['one that has none', []],
  ])('goes down by itself when the network is gone, with %s', (_, buffers) => {
    const card = cardOf();
    card.giveBuffers(...buffers);
    card.hangUp();
    expect(card.rig.loop.wanted(card.network.ports[0]!.fd)).toBeUndefined();
    expect(card.config.status).toBe(0);
    expect(card.rig.messages).toEqual(['The network is gone: the link is down']);
    expect(card.send(join(header(), FRAME))).toBe(true);
  });
});

describe('the control queue (§5.1.6.5)', () => {
  test('receive modes: everything at first, then what the driver asks for', () => {
    const card = cardOf();
    expect(card.command([VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0])).toBe(VIRTIO_NET_OK);
    expect(card.network.filter).toEqual({ promiscuous: false, allMulticast: false, addresses: [MAC, BROADCAST] });
    card.command([VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 1]);
    card.command([VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOBCAST, 1]);
    expect(card.network.filter).toEqual({ promiscuous: false, allMulticast: true, addresses: [MAC] });
    card.command([VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1]);
    expect(card.network.filter?.promiscuous).toBe(true);
    card.rig.reset();
    expect(card.network.filter?.promiscuous).toBe(true);
  });

  test('address tables', () => {
    const card = cardOf();
    const [one, group] = [
      [2, 0, 0, 0, 0, 9],
      [1, 0, 94, 0, 0, 1],
    ] as const;
    card.command([VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0]);
    const set = [VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET];
    expect(card.command([...set, 1, 0, 0, 0, ...one, 1, 0, 0, 0, ...group])).toBe(VIRTIO_NET_OK);
    const addresses = [MAC, Uint8Array.from(one), BROADCAST, Uint8Array.from(group)];
    expect(card.network.filter).toEqual({ promiscuous: false, allMulticast: false, addresses });
    const many = Array.from({ length: 100 * 6 }, () => 2);
    expect(card.command([...set, 0, 0, 0, 0, 100, 0, 0, 0, ...many])).toBe(VIRTIO_NET_OK);
    expect(card.network.filter).toEqual({ promiscuous: false, allMulticast: true, addresses: [MAC, BROADCAST] });
    expect(card.command([...set, 100, 0, 0, 0, ...many, 0, 0, 0, 0])).toBe(VIRTIO_NET_OK);
    expect(card.network.filter?.promiscuous).toBe(true);
  });

  test('the address: the config space shows it, a reset brings the first one back', () => {
    const card = cardOf();
    const other = Uint8Array.of(2, 9, 9, 9, 9, 9);
    expect(card.command([VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, ...other])).toBe(VIRTIO_NET_OK);
    expect(card.config.mac).toEqual(other);
    card.rig.reset();
    expect(card.config.mac).toEqual(MAC);
  });

  test('G32: commands that are short, unknown, or lie about their length are answered with an error', () => {
    const card = cardOf();
    for (const command of [
      [],
      [VIRTIO_NET_CTRL_RX],
      [VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC],
      [VIRTIO_NET_CTRL_RX, 77, 1],
      [VIRTIO_NET_CTRL_MAC, 77],
      [VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 1, 2, 3],
      [VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 0xff, 0xff, 0xff, 0xff],
      [VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6],
      [VIRTIO_NET_CTRL_MQ, 0, 1, 0],
      [VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [99, 0],
    ]) {
      expect([command, card.command(command)]).toEqual([command, VIRTIO_NET_ERR]);
    }
  });

  test('a command without room for an answer is carried out', () => {
    const card = cardOf();
    expect(card.rig.send(2, { readable: [Uint8Array.of(VIRTIO_NET_CTRL_RX, 0, 0)] })).toEqual(new Uint8Array());
    expect(card.network.filter?.promiscuous).toBe(false);
  });

  test('offloads: those negotiated at the start, then a part of them', () => {
    const card = cardOf({ offloads: OFFLOADS });
    const set = (value: number) => card.command([VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, value, 0, 0, 0, 0, 0, 0, 0]);
    expect(card.network.guestOffloads).toBe(features(VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4));
    expect(set(1 << VIRTIO_NET_F_GUEST_CSUM)).toBe(VIRTIO_NET_OK);
    expect(card.network.guestOffloads).toBe(features(VIRTIO_NET_F_GUEST_CSUM));
    expect(set(1 << VIRTIO_NET_F_CSUM)).toBe(VIRTIO_NET_ERR);
    card.rig.reset();
    expect(card.network.guestOffloads).toBe(0n);
  });
});

describe('several pairs of queues (VIRTIO_NET_F_MQ)', () => {
  const set = (count: number) => [VIRTIO_NET_CTRL_MQ, 0, count & 0xff, count >> 8];

  test('one at first, then as many as the driver asks for, and fewer again', () => {
    const card = cardOf({ pairs: 3 });
    expect(card.network.portsUsed).toBe(1);
    expect(card.rig.send(3, { readable: [header(), FRAME] })).toBeUndefined();
    expect(card.command(set(2))).toBe(VIRTIO_NET_OK);
    expect(card.network.portsUsed).toBe(2);
    expect(card.hostReceives(1)).toEqual(join(header(), FRAME));
    expect(card.rig.drivers[3]!.take()?.usedLength).toBe(0);
    expect(card.command(set(1))).toBe(VIRTIO_NET_OK);
    expect(card.rig.send(3, { readable: [header(), FRAME] })).toBeUndefined();
    for (const count of [0, 4, 0x8000]) expect(card.command(set(count))).toBe(VIRTIO_NET_ERR);
  });

  test('frames of a port come in its own queue', () => {
    const card = cardOf({ pairs: 2 });
    card.command(set(2));
    const driver = card.rig.drivers[2]!;
    driver.add({ writable: [200] });
    driver.kick();
    card.rig.notify(2);
    card.hostSends(join(header(), FRAME), 1);
    card.arrive(1);
    expect(driver.take()?.written()).toEqual(join(header({ num_buffers: 1 }), FRAME));
  });

  test('§5.1.2 a driver that does not know of them has its control queue after the first pair', () => {
    const card = rigOf({ pairs: 2 });
    card.rig.activate({ features: card.device.features & ~features(VIRTIO_NET_F_MQ), queues: [0, 1, 2] });
    expect(card.command([VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0], 2)).toBe(VIRTIO_NET_OK);
    expect(card.send(join(header(), FRAME))).toBe(true);
  });
});

describe('no control queue, as for a front-end that keeps it', () => {
  const withoutControl = { pairs: 3 };

  test.each([
    ['all pairs', [0, 1, 2, 3, 4, 5], 3],
    ['two pairs', [0, 1, 2, 3], 2],
    ['one pair and a half', [0, 1, 2], 1],
    ['a pair that does not follow', [0, 1, 4, 5], 1],
    ['none', [], 1],
  ])('%s: as many ports are used as there are pairs', (_, queues, ports) => {
    const card = rigOf(withoutControl);
    card.rig.activate({ queues });
    expect(card.network.portsUsed).toBe(ports);
  });

  test('a pair that comes carries frames, one that goes does not', () => {
    const card = rigOf(withoutControl);
    card.rig.activate({ queues: [0, 1, 2, 3] });
    const receive = card.rig.drivers[2]!;
    const frame = join(header({ num_buffers: 1 }), FRAME);
    const arrives = () => {
      receive.add({ writable: [200] });
      receive.kick();
      card.rig.notify(2);
      card.hostSends(join(header(), FRAME), 1);
      card.arrive(1);
      return receive.take()?.written();
    };
    expect(arrives()).toEqual(frame);
    card.device.stopQueue(3);
    expect(card.network.portsUsed).toBe(1);
    expect(arrives()).toBeUndefined();
  });
});

describe('reset', () => {
  test('G24: frames of before do not reach the next driver, buffers of before are not touched', () => {
    const card = cardOf();
    card.giveBuffers(100);
    const old = card.rig.drivers[0]!;
    card.rig.reset();
    card.hostSends(join(header(), frameOf(60, 1)));
    card.arrive();
    expect(old.take()).toBeUndefined();
    card.rig.activate();
    card.giveBuffers(100);
    card.hostSends(join(header(), frameOf(60, 2)));
    card.arrive();
    expect(card.takeBuffers()).toEqual([join(header({ num_buffers: 1 }), frameOf(60, 2))]);
    expect(old.take()).toBeUndefined();
  });

  test('a full network: the frame that waited is forgotten', () => {
    const card = cardOf();
    while (card.send(join(header(), frameOf(60_000))));
    card.rig.reset();
    card.rig.activate();
    while (card.hostReceives());
    card.arrive();
    expect(card.hostReceives()).toBeUndefined();
    expect(card.send(join(header(), FRAME))).toBe(true);
    expect(card.hostReceives()).toEqual(join(header(), FRAME));
  });

  test('one queue of a pair at a time (VIRTIO_F_RING_RESET)', () => {
    const card = cardOf();
    card.giveBuffers(100);
    card.device.stopQueue(0);
    card.hostSends(join(header(), FRAME));
    card.arrive();
    expect(card.takeBuffers()).toEqual([]);
    expect(card.send(join(header(), FRAME))).toBe(true);
    card.device.stopQueue(1);
    card.device.stopQueue(2);
    expect(card.command([VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0])).toBeUndefined();
  });
});

test('random buffers in all queues: at most a fault of the guest', () => {
  const chance = random();
  for (let round = 0; round < 200; round++) {
    const card = rigOf({ pairs: 2, offloads: OFFLOADS, hasHeaders: round % 2 === 0 });
    card.rig.activate({ size: 16, features: round % 3 === 0 ? 0n : card.device.features });
    try {
      for (let step = 0; step < 30; step++) {
        const index = chance.below(card.rig.drivers.length);
        const driver = card.rig.drivers[index]!;
        const request = {
          readable: Array.from({ length: chance.below(3) }, () => frameOf(chance.below(300), chance.below(256))),
          writable: Array.from({ length: chance.below(3) }, () => chance.below(300)),
        };
        if (driver.hasRoom(request) && request.readable.length + request.writable.length > 0) driver.add(request);
        driver.kick();
        card.rig.notify(index);
        if (chance.below(2) === 0) card.hostSends(frameOf(1 + chance.below(600)), 0);
        card.arrive();
        card.rig.loop.settle();
        driver.take();
      }
    } catch (error) {
      expect(error, `seed ${chance.seed}`).toBeInstanceOf(GuestFault);
    }
  }
});
