/** The flight recorder: what is in the file after a whole life with a back-end, and what ends it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VIRTIO_F_VERSION_1, VIRTIO_ID_BLOCK } from '../../../src/abi/virtio.ts';
import { ConfigError } from '../../../src/base/errors.ts';
import { BACK_END } from '../../../src/vhost-user/message.ts';
import { type MessageLine, parseRecording } from '../../../src/vhost-user/record.ts';
import { recordingText } from '../../../src/vhost-user/record-text.ts';
import { Recorder } from '../../../src/vhost-user/recorder.ts';
import { features } from '../../../src/virtio/features.ts';
import { random } from '../../support/random.ts';
import { openFdCount, SessionRig } from '../../support/session-rig.ts';

const DRIVER = features(VIRTIO_F_VERSION_1);
let folder: string;
let fdCount: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orko-record-'));
  fdCount = openFdCount();
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  expect(openFdCount()).toBe(fdCount);
});

function recorder(path: string, log: (message: string) => void = () => {}): Recorder {
  const about = { keyPath: 'devices.disk.record', device: 'disk', id: VIRTIO_ID_BLOCK };
  return new Recorder({ path, ...about, nowMs: () => performance.now(), log });
}

/** The recording of a life: probe, a config change, start, stop. */
function record(): string {
  const path = join(folder, 'disk.vhost');
  using tap = recorder(path);
  tap.connected('the back-end of a test');
  using rig = new SessionRig({}, { tap });
  rig.probe();
  rig.backEnd.channel!.send(BACK_END.encodeRequest('CONFIG_CHANGE_MSG', undefined, true));
  rig.until(() => rig.configs.length > 0, 'the config');
  rig.start(DRIVER);
  rig.stop();
  rig.backEnd.send(new Uint8Array(12).fill(0xee));
  rig.until(() => rig.fault !== undefined, 'the end');
  tap.note(`the connection is over: ${rig.fault!.message}`);
  return path;
}

test('recorder: every message of both connections, with its descriptors and places', () => {
  const { beginning, lines, isTorn } = parseRecording(readFileSync(record(), 'utf8'), 'disk.vhost');
  expect(beginning).toMatchObject({ format: 1, device: 'disk', id: VIRTIO_ID_BLOCK });
  expect(isTorn).toBe(false);
  const messages = lines.filter((line) => line.kind === 'message');
  const find = (name: string, from: MessageLine['from']) =>
    messages.find((line) => line.name === name && line.from === from);
  expect(find('GET_FEATURES', 'back-end')).toMatchObject({ reply: true, body: '0x170000000' });
  expect(find('ADD_MEM_REG', 'front-end')!.fds).toEqual([{ kind: 'memfd', name: 'test', bytes: 2 * 2 ** 20 }]);
  expect(find('SET_VRING_KICK', 'front-end')!.fds).toEqual([{ kind: 'eventfd' }]);
  expect(find('SET_BACKEND_REQ_FD', 'front-end')!.fds).toEqual([{ kind: 'socket' }]);
  expect(find('SET_VRING_ADDR', 'front-end')!.guest).toEqual({
    desc: '0x40000000',
    avail: '0x40001000',
    used: '0x40002000',
  });
  expect(find('CONFIG_CHANGE_MSG', 'back-end')).toMatchObject({ line: 'channel', ack: true });
  expect(find('CONFIG_CHANGE_MSG', 'front-end')).toMatchObject({ line: 'channel', reply: true, body: '0x0' });
  const times = lines.map(({ ms }) => ms);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test('recordingText: a person can read it', () => {
  const text = recordingText(parseRecording(readFileSync(record(), 'utf8'), 'disk.vhost'));
  for (const part of [
    /^disk \(VIRTIO_ID_BLOCK\), recorded from 20/,
    /\d\.\d{3} {2}\*\*\* connected to the back-end of a test/,
    /--> SET_OWNER\n/,
    /<-- GET_FEATURES +answers 0x170000000\n +VIRTIO_RING_F_INDIRECT_DESC .*VIRTIO_F_VERSION_1/,
    /--> SET_VRING_NUM +ring 1: 8 entries \(ack\)\n.*<-- SET_VRING_NUM +answers done\n/,
    /ring 0: in guest memory descriptors 0x40000000, available 0x40001000, used 0x40002000/,
    /ADD_MEM_REG +guest 0x40000000, 2 MiB, as address 0x40000000, at 0x0 of its file with memfd "test" of 2 MiB/,
    /<-- GET_CONFIG +answers 8 bytes at 0\n +07 07 07 07 07 07 07 07\n/,
    /<== CONFIG_CHANGE_MSG/,
    /==> CONFIG_CHANGE_MSG +answers done/,
    /\*\*\* the connection is over: a message begins with the flags 0xeeeeeeee/,
  ]) {
    expect(text).toMatch(part);
  }
});

test('recorder: a full disk ends the recording with a sentence, and nothing else', () => {
  const said: string[] = [];
  using tap = recorder('/dev/full', (message) => said.push(message));
  using rig = new SessionRig({}, { tap });
  rig.probe();
  rig.start(DRIVER);
  expect(rig.fault).toBeUndefined();
  expect(said).toEqual([expect.stringMatching(/^the recording \/dev\/full ends here: ENOSPC/)]);
});

test('recorder: two devices do not share a file', () => {
  const path = join(folder, 'both');
  using _ = recorder(path);
  expect(() => recorder(path)).toThrow('another device records into it');
});

test('parseRecording: a recording that somebody has damaged is refused with its line, or printed', () => {
  const text = readFileSync(record(), 'utf8');
  const { below, pick, seed } = random();
  for (let round = 0; round < 300; round++) {
    const at = below(text.length);
    const damaged = text.slice(0, at) + pick(['', '0', '"', '{', '9', 'null', '\n', 'f']) + text.slice(at + below(4));
    try {
      recordingText(parseRecording(damaged, 'x'));
    } catch (error) {
      expect(error, `seed ${seed}: ${String(error)}`).toBeInstanceOf(ConfigError);
    }
  }
});

test('parseRecording: what is cut off is whole up to there; what is no recording is refused', () => {
  const text = readFileSync(record(), 'utf8');
  const whole = parseRecording(text, 'x');
  const torn = parseRecording(text.slice(0, -5), 'x');
  expect(torn.isTorn).toBe(true);
  expect(torn.lines).toEqual(whole.lines.slice(0, -1));
  expect(recordingText(torn)).toContain('The recording ends in the middle of a line');
  expect(() => parseRecording('', 'x')).toThrow('it has no beginning');
  expect(() => parseRecording('name: board\n', 'x')).toThrow('this is no line of one');
  expect(() => parseRecording('{"kind":"note","ms":1,"text":"a"}\n', 'x')).toThrow('it has no beginning');
  const newer = text.replace('"format":1', '"format":2');
  expect(() => parseRecording(newer, 'x')).toThrow('it has format 2');
});
