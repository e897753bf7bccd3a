/** The host itself crashes while guests write: what they were told is safe is on the host's disk when it is up again. */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { devTree } from '../../src/nested/dev-tree.ts';
import { L1, L1_DEFAULTS, quote, runOverSsh } from '../../src/nested/l1.ts';
import { toStderr } from '../../src/nested/progress.ts';
import { lastSafeRecord, missingRecords, RECORD_BYTES } from '../support/disk-records.ts';
import { isArmHost } from '../support/environment.ts';
import { NestedHost } from '../support/nested-host.ts';
import { linux, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';

const RECORDS = 40;
const CACHES = ['writeback', 'writethrough'] as const;
const HOST_DISK_BYTES = 256 * 2 ** 20;
const MOUNT = '/run/disk';

let directory: string;
let running: L1 | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'orko-crash-'));
  const disk = join(directory, 'host.raw');
  await writeFile(disk, '');
  await truncate(disk, HOST_DISK_BYTES);
});
afterEach(async () => {
  await running?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** An Arm host of our own, whose /dev/vdc is a disk that outlives it. */
async function startHost(setUp: string): Promise<{ l1: L1; host: NestedHost }> {
  const scratch = inject('nested').directory;
  const tree = await devTree(toStderr);
  const drive = `file=${join(directory, 'host.raw')},if=none,id=data,format=raw`;
  const qemuArguments = ['-drive', drive, '-device', 'virtio-blk-pci,drive=data'];
  const l1 = await L1.start({ ...L1_DEFAULTS, memoryMiB: 3072, qemuArguments }, [...tree.shares, scratch], toStderr);
  running = l1;
  const install = `cp -r ${quote(join(scratch, 'package'))} /usr/local/lib/orko-vmm`;
  const link = 'ln -s /usr/local/lib/orko-vmm/bin/orko-vmm.js /usr/local/bin/orko-vmm';
  const { exitCode, stderr } = await runOverSsh(l1.ssh, [tree.prepare, install, link, setUp].join(' && '));
  if (exitCode !== 0) throw new Error(`Cannot prepare the Arm host: ${stderr}`);
  return { l1, host: new NestedHost(scratch, l1.ssh) };
}

test.skipIf(isArmHost())(
  'sysrq b on the host: every record that was said to be safe is there',
  async () => {
    const images = CACHES.map((cache) => join(MOUNT, `${cache}.img`));
    const make = images.map((image) => `truncate -s 16M ${image}`).join(' && ');
    const first = await startHost(
      `mke2fs -q -t ext4 /dev/vdc && mkdir ${MOUNT} && mount -t ext4 /dev/vdc ${MOUNT} && ${make} && sync`,
    );
    const vms = await Promise.all(
      CACHES.map((cache, index) =>
        startVm(first.host, {
          kernel: linux('diskrecords'),
          devices: { disk: { type: 'blk', path: images[index], cache } },
        }),
      ),
    );
    for (const vm of vms) await vm.printed(`ORKO-SAFE ${RECORDS}`, TEST_TIMEOUT_MS);
    first.host.spawn('echo 1 >/proc/sys/kernel/sysrq; echo b >/proc/sysrq-trigger');
    await first.l1.ended;
    for (const vm of vms) await vm.exited();
    await first.l1.stop();

    const second = await startHost(`mkdir ${MOUNT} && mount -t ext4 /dev/vdc ${MOUNT}`);
    for (const [index, vm] of vms.entries()) {
      const safe = lastSafeRecord(vm.output);
      expect(safe).toBeGreaterThanOrEqual(RECORDS - 1);
      const copy = join(second.host.directory, `crash-${CACHES[index]}`);
      await second.host.run(`head -c ${(safe + 1) * RECORD_BYTES} ${images[index]} >${copy}`);
      expect(await missingRecords(copy, safe), CACHES[index]).toEqual([]);
    }
  },
  2 * TEST_TIMEOUT_MS,
);
