/**
 * `make bench`: the figures of orko-vmm against QEMU, on the same host, with the same guest, in turn. Prints a table and
 * writes out/bench.json. What they mean and what they were: docs/measurements.md.
 *
 *   node test/bench/bench.ts [--only ID,ID]        ORKO_BENCH_ROUNDS=3 for a quick look
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installedForm } from '../../src/nested/installed-form.ts';
import type { L1Options } from '../../src/nested/l1.ts';
import { toStderr } from '../../src/nested/progress.ts';
import { measureBackEndSplit } from './backend-split.ts';
import { type BenchHost, startBenchHost } from './bench-host.ts';
import { measureBlk, measureBlkExits, measureBlkPci } from './blk.ts';
import { measureBoot } from './boot.ts';
import { benchEntry, FIGURES, type FigureId, figureLine, type Round, TABLE_HEAD } from './figure.ts';
import { measureFs } from './fs.ts';
import { measureMmioExit } from './mmio-exit.ts';
import { measureNet } from './net.ts';
import { measurePassthrough, PASSTHROUGH_IDS, type PassthroughFigureId } from './passthrough.ts';
import { measurePool } from './pool.ts';
import { measureReconnect } from './reconnect.ts';
import { measureRing, RING_IDS, type RingId } from './ring-rounds.ts';
import { measureRss } from './rss.ts';
import { measureVub } from './vub.ts';

const OUT = join(import.meta.dirname, '../../out');
const GUEST_FILES = ['Image', 'initramfs.cpio', 'iperf3.cpio', 'mmio-storm.bin'].map((name) =>
  join(OUT, 'guests', name),
);
/** A core without FEAT_S2FWB, where a register page has to be published (docs/architecture.md, "Register pages"). */
const WITHOUT_FWB: Partial<L1Options> = { cpu: 'cortex-a76', memoryMiB: 3072 };
const WITH_DEVICES: Partial<L1Options> = { passthrough: true };

type Results = Map<FigureId, readonly Round[]>;

const wanted = parseIds();
const results: Results = new Map();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
for (const id of RING_IDS) if (wanted.has(id)) results.set(id, await measureRing(id, toStderr));
const inGuests = [...wanted].filter((id) => !RING_IDS.includes(id as RingId));
if (inGuests.length > 0) {
  const files = [await installedForm(), ...GUEST_FILES];
  const isOnOther = (id: FigureId) => id.endsWith('-nofwb') || PASSTHROUGH_IDS.includes(id as PassthroughFigureId);
  if (!inGuests.every(isOnOther)) {
    await using host = await startBenchHost(files);
    await measureOnMain(host);
  }
  await measureDevices(files);
  if (inGuests.some((id) => id.endsWith('-nofwb'))) await measureWithoutFwb(files);
}
await report();

async function measureOnMain(host: BenchHost): Promise<void> {
  if (wanted.has('boot-quiet-1') || wanted.has('guest-boot')) {
    const { wall, guest } = await measureBoot(host, 'boot-quiet-1', toStderr);
    results.set('boot-quiet-1', wall);
    results.set('guest-boot', guest);
  }
  for (const id of ['boot-quiet-4', 'boot-loud-1', 'boot-pci-16'] as const) {
    if (wanted.has(id)) results.set(id, (await measureBoot(host, id, toStderr)).wall);
  }
  if (wanted.has('mmio-exit')) results.set('mmio-exit', await measureMmioExit(host, toStderr));
  for (const figures of ['net', 'net-vhost'] as const) {
    if (!(['tx', 'rx', 'ping'] as const).some((kind) => wanted.has(`${figures}-${kind}`))) continue;
    for (const [id, rounds] of await measureNet(figures, host, toStderr)) results.set(id, rounds);
  }
  if ([...wanted].some((id) => id.startsWith('blk-mmio-') && !id.endsWith('-nofwb'))) {
    for (const [id, rounds] of Object.entries(await measureBlk(host, toStderr))) results.set(id as FigureId, rounds);
  }
  if ([...wanted].some((id) => id.startsWith('blk-pci-'))) {
    for (const [id, rounds] of Object.entries(await measureBlkPci(host, toStderr))) results.set(id as FigureId, rounds);
  }
  if (wanted.has('backend-split') || wanted.has('backend-split-qd1')) {
    for (const [id, rounds] of Object.entries(await measureBackEndSplit(host, toStderr))) {
      results.set(id as FigureId, rounds);
    }
  }
  if (['vub-qd1', 'vub-qd8', 'vub-exits'].some((id) => wanted.has(id as FigureId))) {
    for (const [id, rounds] of Object.entries(await measureVub(host, toStderr))) results.set(id as FigureId, rounds);
  }
  for (const id of ['fs-read', 'fs-find'] as const) {
    if (wanted.has(id)) results.set(id, await measureFs(id, host, toStderr));
  }
  if (wanted.has('reconnect')) results.set('reconnect', await measureReconnect(host, toStderr));
  for (const id of ['pool-blk', 'pool-fs'] as const) {
    if (wanted.has(id)) results.set(id, await measurePool(id, host, toStderr));
  }
  if (wanted.has('rss')) results.set('rss', await measureRss(host, toStderr));
}

async function measureWithoutFwb(files: readonly string[]): Promise<void> {
  if (process.arch === 'arm64') {
    toStderr('What is measured without FWB is left out: it needs a nested machine');
    return;
  }
  await using host = await startBenchHost(files, WITHOUT_FWB);
  if (wanted.has('boot-loud-1-nofwb')) {
    results.set('boot-loud-1-nofwb', (await measureBoot(host, 'boot-loud-1-nofwb', toStderr)).wall);
  }
  if (wanted.has('blk-mmio-exits-nofwb')) {
    results.set('blk-mmio-exits-nofwb', await measureBlkExits(host, toStderr));
  }
}

async function measureDevices(files: readonly string[]): Promise<void> {
  const ids = PASSTHROUGH_IDS.filter((id) => wanted.has(id));
  if (ids.length === 0) return;
  if (process.arch === 'arm64') {
    toStderr('What is measured on devices that were passed through is left out: it needs a nested machine');
    return;
  }
  await using host = await startBenchHost(files, WITH_DEVICES);
  for (const id of ids) results.set(id, await measurePassthrough(id, host, toStderr));
}

async function report(): Promise<void> {
  const measured = [...wanted].filter((id) => results.has(id));
  process.stdout.write(`${[TABLE_HEAD, ...measured.map((id) => figureLine(id, results.get(id)!))].join('\n')}\n`);
  await mkdir(OUT, { recursive: true });
  const entries = measured.map((id) => benchEntry(id, results.get(id)!));
  await writeFile(join(OUT, 'bench.json'), `${JSON.stringify(entries, null, 2)}\n`);
}

function parseIds(): ReadonlySet<FigureId> {
  const known = Object.keys(FIGURES) as FigureId[];
  const { only } = parseArgs({ options: { only: { type: 'string' } } }).values;
  const ids = only === undefined ? known : (only.split(',') as FigureId[]);
  const unknown = ids.find((id) => !known.includes(id));
  if (unknown === undefined) return new Set(ids);
  process.stderr.write(`There is no figure ${unknown}: there are ${known.join(', ')}\n`);
  process.exit(2);
}
