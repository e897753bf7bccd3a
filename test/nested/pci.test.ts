/** The guest's PCI bus, and virtio-pci on it: what a Linux guest finds, how it is interrupted, and what it leaves for. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { GuestShell } from '../support/guest-shell.ts';
import { host, type NestedHost } from '../support/nested-host.ts';
import { linux, rounds, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';

let l1: NestedHost;
beforeAll(async () => {
  l1 = await host('main');
});

describe('virtio-pci', { timeout: TEST_TIMEOUT_MS }, () => {
  test('a guest finds its functions, drives them by MSI-X, unbinds and binds them, and reboots', async () => {
    const image = join(l1.directory, 'disk.img');
    await writeFile(image, new Uint8Array(1 << 20));
    const devices = {
      rng0: { type: 'rng', transport: 'pci' },
      disk0: { type: 'blk', path: image, transport: 'pci' },
    };
    await using vm = await startVm(l1, { kernel: linux('shell'), cpus: 2, devices });
    const shell = await GuestShell.open(vm);
    console.log(await shell.run('dmesg | grep -i pci; cat /proc/interrupts; cat /proc/iomem; lspci -k'));
    expect(await shell.run('head -c 64 /dev/hwrng | md5sum')).toMatch(/^[0-9a-f]{32} /);
    expect(rounds('unbind and bind', 100, 5)).toBeGreaterThan(0);
    console.log(await shell.run('dd if=/dev/vda of=/dev/null bs=4k iflag=direct; cat /proc/interrupts'));
  });
});
