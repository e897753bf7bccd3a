/**
 * src/vfio against a real kernel and QEMU's edu (docs/specs/edu.rst), without a guest: as kvm-checks.ts does it. `node vfio-checks.mjs
 * ADDRESS INTERFACE` of a device that is bound to vfio-pci.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX } from '../../../src/abi/vfio.ts';
import { EventFd } from '../../../src/host/eventfd.ts';
import { Mapping } from '../../../src/host/mapping.ts';
import { VfioDevices, type VfioInterface } from '../../../src/vfio/devices.ts';

const [ADDRESS, INTERFACE] = process.argv.slice(2) as [string, VfioInterface];
const DMA_BASE = 0x4000_0000;
const DMA_BYTES = 2 * 1024 * 1024;
const CONFIG = 7;
const COMMAND = { offset: 4, memory: 2, master: 4 } as const;
/** QEMU docs/specs/edu.rst. */
const Edu = {
  ID: 0x00,
  LIVENESS: 0x04,
  FACTORIAL: 0x08,
  STATUS: 0x20,
  IRQ_STATUS: 0x24,
  IRQ_RAISE: 0x60,
  IRQ_ACK: 0x64,
  DMA_SOURCE: 0x80,
  DMA_TARGET: 0x88,
  DMA_COUNT: 0x90,
  DMA_COMMAND: 0x98,
  BUFFER: 0x40000,
} as const;

using devices = new VfioDevices([ADDRESS], INTERFACE);
const device = devices.device(ADDRESS);
const [bar] = device.regions;
const config = device.regions[CONFIG]!;
using memory = Mapping.create(DMA_BYTES, { what: 'a test' });
memory.bytes.fill(0);

const CHECKS: Readonly<Record<string, () => void>> = {
  'config space is read'() {
    assert.equal(device.read(config, 0, 4), 0x11e8_1234);
    assert.equal(bar!.size, 1024 * 1024);
    assert.deepEqual(bar!.mappable, [{ offset: 0, size: bar!.size }]);
  },

  'registers are read and written when the device decodes its memory'() {
    device.write(config, COMMAND.offset, 2, COMMAND.memory | COMMAND.master);
    assert.equal(device.read(bar!, Edu.ID, 4)! & 0xffff, 0xed);
    device.write(bar!, Edu.LIVENESS, 4, 0x1234_5678);
    assert.equal(device.read(bar!, Edu.LIVENESS, 4), ~0x1234_5678 >>> 0);
    device.write(bar!, Edu.FACTORIAL, 4, 10);
    until(() => ((device.read(bar!, Edu.STATUS, 4) ?? 0) & 1) === 0);
    assert.equal(device.read(bar!, Edu.FACTORIAL, 4), 3628800);
  },

  'memory is reached by DMA, both ways'() {
    devices.reach([{ name: 'a test', range: { base: DMA_BASE, size: DMA_BYTES }, pointer: memory.pointer }]);
    memory.bytes.set([1, 2, 3, 4, 5, 6, 7, 8], 4096);
    dma(DMA_BASE + 4096, Edu.BUFFER, 8, 1);
    dma(Edu.BUFFER, DMA_BASE + 8192, 8, 3);
    assert.deepEqual([...memory.bytes.subarray(8192, 8200)], [1, 2, 3, 4, 5, 6, 7, 8]);
  },

  'a message-signalled interrupt signals its eventfd'() {
    using event = EventFd.create();
    device.setEvents(VFIO_PCI_MSI_IRQ_INDEX, 0, [event]);
    device.write(bar!, Edu.IRQ_RAISE, 4, 1);
    until(() => event.take() === 1n);
    assert.equal(device.read(bar!, Edu.IRQ_STATUS, 4), 1);
    device.write(bar!, Edu.IRQ_ACK, 4, 1);
    device.disable(VFIO_PCI_MSI_IRQ_INDEX);
  },

  'a wired interrupt comes once until it is unmasked'() {
    using event = EventFd.create();
    using unmask = EventFd.create();
    device.setEvents(VFIO_PCI_INTX_IRQ_INDEX, 0, [event]);
    device.unmaskBy(VFIO_PCI_INTX_IRQ_INDEX, unmask);
    device.write(bar!, Edu.IRQ_RAISE, 4, 2);
    until(() => event.take() === 1n);
    unmask.signal();
    until(() => event.take() === 1n);
    for (let round = 0; round < 3; round++) {
      device.write(bar!, Edu.IRQ_ACK, 4, 2);
      unmask.signal();
      assert.equal(event.take(), 0n);
      device.write(bar!, Edu.IRQ_RAISE, 4, 2);
      until(() => event.take() === 1n);
    }
    device.write(bar!, Edu.IRQ_ACK, 4, 2);
    device.disable(VFIO_PCI_INTX_IRQ_INDEX);
  },

  'what lies where the IOMMU keeps addresses is refused'() {
    const range = { base: 0x0800_0000, size: 4096 };
    assert.throws(
      () => devices.reach([{ name: 'a test', range, pointer: memory.pointer }]),
      /IOMMU of this host translates/,
    );
  },
};

function dma(source: number, target: number, count: number, command: number): void {
  device.write(bar!, Edu.DMA_SOURCE, 8, BigInt(source));
  device.write(bar!, Edu.DMA_TARGET, 8, BigInt(target));
  device.write(bar!, Edu.DMA_COUNT, 8, BigInt(count));
  device.write(bar!, Edu.DMA_COMMAND, 8, BigInt(command));
  until(() => ((device.read(bar!, Edu.DMA_COMMAND, 4) ?? 0) & 1) === 0);
}

function until(condition: () => boolean): void {
  const deadline = performance.now() + 10_000;
  while (!condition()) assert(performance.now() < deadline, 'it took too long');
}

for (const [name, check] of Object.entries(CHECKS)) {
  try {
    check();
    writeSync(1, `PASS ${name}\n`);
  } catch (error) {
    writeSync(1, `FAIL ${name}: ${(error as Error).stack?.replaceAll('\n', ' | ')}\n`);
  }
}
