/** Faults on purpose, on a front-end and a back-end that both keep the protocol. */
import { expect, test } from 'vitest';
import { VIRTIO_F_VERSION_1 } from '../../../src/abi/virtio.ts';
import { type FaultPlan, Faults } from '../../../src/vhost-user/faults.ts';
import { PeerFault } from '../../../src/vhost-user/peer-fault.ts';
import { features } from '../../../src/virtio/features.ts';
import { PROTOCOL_OFFERED } from '../../support/scripted-back-end.ts';
import { openFdCount, SessionRig } from '../../support/session-rig.ts';

const DRIVER = features(VIRTIO_F_VERSION_1);
const NONE: FaultPlan = { seed: 1, delayMs: 0, slowMappingMs: 0, dropKicks: 0, corruptReplies: 0, cutAfter: 0 };
/** Messages of a whole life, at least. */
const LIFE = 25;

/** A whole life with these faults: what was said of them, how it ended, how long its parts took in ms. */
function live(plan: Partial<FaultPlan>, timeoutMs = 5_000) {
  const notes: string[] = [];
  let rig: SessionRig | undefined;
  const cut = (reason: string) => rig!.loop.defer(() => rig!.session.end(new PeerFault(reason)));
  const tap = new Faults({ ...NONE, ...plan }, { cut, note: (text) => void notes.push(text) }, undefined);
  using disposable = new SessionRig({}, { tap, timeoutMs });
  rig = disposable;
  tap.connected();
  const began = performance.now();
  rig.probe();
  const probeMs = performance.now() - began;
  if (!rig.fault) rig.start(DRIVER);
  const startMs = performance.now() - began - probeMs;
  if (!rig.fault) rig.stop();
  // What was sent last may not have been read.
  if (plan.cutAfter) rig.until(() => disposable.backEnd.isGone, 'the end');
  return { notes, fault: rig.fault?.message, heard: rig.backEnd.heard.slice(), probeMs, startMs };
}

test('none: nothing is different', () => {
  const { notes, fault, heard } = live({});
  expect([notes, fault]).toEqual([[], undefined]);
  expect(heard.length).toBeGreaterThan(LIFE);
  expect(Faults.isAny(NONE)).toBe(false);
});

test('delay-ms: every answer comes later, by what the seed says', () => {
  const [one, same, other] = [live({ delayMs: 5 }), live({ delayMs: 5 }), live({ delayMs: 5, seed: 2 })];
  expect(one.fault).toBeUndefined();
  expect(one.notes.length).toBeGreaterThan(LIFE / 2);
  expect(one.notes[0]).toMatch(/^fault: the answer to \w+ is held back for [1-5] ms$/);
  expect(same.notes).toEqual(one.notes);
  expect(other.notes).not.toEqual(one.notes);
});

test('delay-ms: an answer that is held back for too long is one that does not come', () => {
  const before = openFdCount();
  expect(live({ slowMappingMs: 400 }, 100).fault).toBe('it does not answer ADD_MEM_REG within 0.1 s');
  expect(openFdCount()).toBe(before);
});

test('slow-mapping-ms: memory alone takes long', () => {
  const { notes, fault, probeMs, startMs } = live({ slowMappingMs: 300 });
  expect([notes, fault]).toEqual([['fault: the answer to ADD_MEM_REG is held back for 300 ms'], undefined]);
  expect(startMs).toBeGreaterThanOrEqual(299);
  expect(probeMs).toBeLessThan(300);
});

test.each([1, 5, 9, 20])('cut-after: message %i is the last that the back-end hears, once', (cutAfter) => {
  const { notes, fault, heard } = live({ cutAfter });
  expect(fault).toMatch(
    new RegExp(`^it was cut off on purpose, after message ${cutAfter}, \\w+ \\(faults.cut-after\\)$`),
  );
  expect(notes).toEqual([`fault: the connection is cut after message ${cutAfter}, ${heard.at(-1)}`]);
  expect(heard).toHaveLength(cutAfter);
});

test('corrupt-replies: a byte of an answer is another, and no answer of any kind does us harm', () => {
  const before = openFdCount();
  const faults = new Set<string | undefined>();
  for (let seed = 0; seed < 100; seed++) {
    const { notes, fault } = live({ corruptReplies: 10, seed }, 100);
    expect(live({ corruptReplies: 10, seed }, 100).notes).toEqual(notes);
    if (notes.length > 0) expect(notes[0]).toMatch(/^fault: byte \d+ of the answer to \w+ is changed$/);
    faults.add(fault?.replace(/\(.*|\d+/g, ''));
  }
  // Some are noticed, each by one sentence; some change what nobody can know to be wrong.
  expect(faults.size).toBeGreaterThan(3);
  expect(openFdCount()).toBe(before);
});

test('corrupt-replies: who records hears what has come, not what was made of it', () => {
  const heard: bigint[] = [];
  const next = {
    sent: () => {},
    received: (_: unknown, message: { payload: Uint8Array; header: { request: number } }) => {
      if (message.header.request === 15) heard.push(new DataView(message.payload.buffer).getBigUint64(0, true));
      return message;
    },
  };
  const tap = new Faults({ ...NONE, corruptReplies: 1 }, { cut: () => {}, note: () => {} }, next as never);
  using rig = new SessionRig({}, { tap });
  rig.probe();
  expect(heard.every((mask) => mask === PROTOCOL_OFFERED)).toBe(true);
});

test('drop-kicks: one in so many, the same for the same seed', () => {
  const dropped = (seed: number) => {
    const faults = new Faults({ ...NONE, dropKicks: 10, seed }, { cut: () => {}, note: () => {} }, undefined);
    return Array.from({ length: 1_000 }, (_, index) => index).filter(() => !faults.passesKick(0));
  };
  expect(dropped(1)).toEqual(dropped(1));
  expect(dropped(1)).not.toEqual(dropped(2));
  expect(dropped(1).length).toBeGreaterThan(50);
  expect(dropped(1).length).toBeLessThan(200);
});
