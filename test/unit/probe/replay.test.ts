/** Recordings that are played again: the two ends against each other, and against one that has changed. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VIRTIO_F_VERSION_1, VIRTIO_ID_BLOCK } from '../../../src/abi/virtio.ts';
import { BACK_END } from '../../../src/vhost-user/message.ts';
import { Recorder } from '../../../src/vhost-user/recorder.ts';
import { features } from '../../../src/virtio/features.ts';
import { SessionRig } from '../../support/session-rig.ts';
import { until } from '../../support/until.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const NODE = resolve(ROOT, 'node_modules/.bin/node');
const MAIN = resolve(ROOT, 'src/main.ts');
const DIFFERENT = 20;
/** GET_FEATURES, answered with one bit more. */
const OTHER_FEATURES = '0100000005000000080000000100007001000000';

let folder: string;
let recording: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'orko-replay-'));
  recording = join(folder, 'disk.vhost');
  const about = { keyPath: 'devices.disk.record', device: 'disk', id: VIRTIO_ID_BLOCK };
  using tap = new Recorder({ path: recording, ...about, nowMs: () => performance.now(), log: () => {} });
  tap.connected('the back-end of a test');
  using rig = new SessionRig({}, { tap });
  rig.probe();
  rig.start(features(VIRTIO_F_VERSION_1));
  rig.backEnd.channel!.send(BACK_END.encodeRequest('CONFIG_CHANGE_MSG', undefined, true));
  rig.until(() => rig.configs.length > 0, 'the config');
  rig.stop();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The first plays the back-end, the second the front-end. What they say, and how they end. */
async function play(backEnd: string, frontEnd: string) {
  const socket = join(folder, 'replay.sock');
  const words = ['vhost-log', backEnd, '--replay-backend', socket, '--timeout-s', '10'];
  const child = spawn(NODE, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (said += String(bytes)));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  await until(() => existsSync(socket), 'the socket');
  const { status, stdout, stderr } = spawnSync(NODE, [MAIN, 'vhost-log', frontEnd, '--replay', socket], {
    encoding: 'utf8',
  });
  return { backEnd: { code: await ended, said }, frontEnd: { code: status, said: stdout + stderr } };
}

/** The recording with some text of a line replaced. */
function changed(name: string, pattern: RegExp, replacement: string): string {
  const text = readFileSync(recording, 'utf8');
  expect(text).toMatch(pattern);
  const path = join(folder, name);
  writeFileSync(path, text.replace(pattern, replacement));
  return path;
}

test('replay: both ends of a recording, against each other', async () => {
  const { backEnd, frontEnd } = await play(recording, recording);
  expect(frontEnd).toEqual({ code: 0, said: expect.stringMatching(/^\d+ messages, all as recorded\n$/) });
  expect(backEnd).toEqual({ code: 0, said: expect.stringMatching(/^\d+ messages, all as recorded\n$/) });
});

test('replay: a back-end that answers something else is named, and where', async () => {
  const other = changed('other', /"hex":"0100000005000000080000000000007001000000"/, `"hex":"${OTHER_FEATURES}"`);
  const { backEnd, frontEnd } = await play(other, recording);
  expect(backEnd.code).toBe(0);
  expect(frontEnd.code).toBe(DIFFERENT);
  expect(frontEnd.said).toMatch(
    /^the answer to GET_FEATURES at [\d.]+ ms: it says 0100007001000000, and said 00000070/,
  );
  expect(frontEnd.said).toMatch(/\d+ messages, 1 different\n$/);
});

test('replay: a front-end that asks something else is named, and the replay ends', async () => {
  const other = changed('shorter', /\{"kind":"message"[^\n]*"name":"GET_QUEUE_NUM"[^\n]*\n[^\n]*\n/, '');
  const { backEnd } = await play(recording, other);
  expect(backEnd.code).toBe(DIFFERENT);
  expect(backEnd.said).toMatch(/GET_QUEUE_NUM at [\d.]+ ms: GET_MAX_MEM_SLOTS comes in its place\n/);
});
