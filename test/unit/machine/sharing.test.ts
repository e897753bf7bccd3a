/** Who sees what of the guest, and whether that is all. The processes are real ones of this host. */
import { expect, test } from 'vitest';
import { MiB } from '../../../src/base/units.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { explainSharing } from '../../../src/machine/sharing.ts';

const OUR_UID = process.getuid!();
const RAM = { what: 'RAM', base: 0x4000_0000, size: 512 * MiB };
/** No process has this number (PID_MAX_LIMIT, linux/threads.h), so only its user is known. */
const GONE = 2 ** 22 + 1;

function configOf(devices: string) {
  const text = `kernel: Image\ndevices:\n${devices}`;
  return parseConfig(text, { file: 'vm.yaml', directory: '/', resolvePath: (path) => path });
}

/** What is said of each device when it is served by the user of that number. */
function verdicts(devices: string, uids: Record<string, number | undefined>) {
  const peerOf = (uid: number | undefined) => (uid === undefined ? undefined : { pid: GONE, uid, gid: uid });
  const peers = new Map(Object.entries(uids).map(([name, uid]) => [name, peerOf(uid)]));
  const sharing = explainSharing(configOf(devices), { peers, fdOf: (pool) => (pool === undefined ? 20 : 21) });
  return sharing.map(({ isolation, reason }) => `${isolation}: ${reason}`);
}

test('a running VM: what each back-end sees, by which file', () => {
  const config = configOf(`
  ours: { type: rng }
  all: { type: rng, backend: /a }
  some: { type: rng, backend: /b, memory: { pool: x, size: 4M } }`);
  const peers = new Map([['some', { pid: process.pid, uid: 4711, gid: 4711 }]]);
  const [ours, all, some] = explainSharing(config, { peers, fdOf: (pool) => (pool === undefined ? 20 : 21) });
  expect(ours).toEqual({
    ...{ name: 'ours', type: 'rng', memory: [] },
    ...{ isolation: 'own', reason: 'orko-vmm serves it itself' },
  });
  expect(all).toMatchObject({ memory: [{ ...RAM, fd: 20, file: 'memfd:guest-ram' }], isolation: 'none' });
  expect(all).not.toHaveProperty('process');
  const place = { what: 'pool x', base: 0x6000_0000, size: 4 * MiB, fd: 21, file: 'memfd:pool-x' };
  expect(some).toMatchObject({ memory: [place], process: { uid: 4711, pid: process.pid } });
  expect(some!.process!.command).toMatch(/\w/);
});

test('isolation: of a pool, against another user who sees nothing else', () => {
  const devices = `
  a: { type: rng, backend: /a, memory: pool }
  b: { type: rng, backend: /b, memory: { pool: a } }
  c: { type: rng, backend: /c, memory: all }`;
  const real = 'real: it sees the pool, and as uid 4711 it may not look into orko-vmm; what is in it, it shares with b';
  expect(verdicts(devices, { a: 4711, b: 4711, c: 4712 })[0]).toBe(real);
  expect(verdicts(devices, { a: 4711, b: 4712, c: 4711 })[0]).toBe(
    'none: it runs as the same user (uid 4711) as the back-end of c, which sees RAM: give each a user of its own',
  );
  expect(verdicts(devices, { a: OUR_UID })[0]).toContain(`none: it runs as orko-vmm's own user (uid ${OUR_UID})`);
  expect(verdicts(devices, {})).toEqual([
    'unknown: that depends on the user who will serve it',
    'unknown: that depends on the user who will serve it',
    'none: it was given all of RAM (memory: all)',
  ]);
});

test('a config: as whom it will be served, where it says so', () => {
  const sharing = explainSharing(
    configOf(`
  a: { type: rng, memory: pool, backend: { command: [spy, "{socket}"], user: "4711" } }
  b: { type: rng, memory: pool, backend: { command: [spy, "{socket}"] } }
  c: { type: rng, memory: pool, backend: /c }`),
  );
  expect(sharing.map(({ process }) => process)).toEqual([
    { uid: 4711, command: 'spy' },
    { uid: OUR_UID, command: 'spy' },
    undefined,
  ]);
  expect(sharing.map(({ isolation }) => isolation)).toEqual(['real', 'none', 'unknown']);
});

test('a device that is passed through reaches RAM, or its pool alone', () => {
  const [all, some] = explainSharing(
    configOf(`
  disk: { type: vfio, host: "0000:01:00.0" }
  card: { type: vfio, host: "0000:02:00.0", memory: pool }`),
  );
  expect(all).toMatchObject({ memory: [RAM], isolation: 'none', reason: 'its DMA reaches all of RAM (memory: all)' });
  expect(some).toMatchObject({ memory: [{ what: 'pool card', size: 64 * MiB }], isolation: 'real' });
});
