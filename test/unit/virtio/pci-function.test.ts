/** virtio-pci against what virtio 1.4 §4.1 and PCI Local Bus 3.0 demand of it: each test is a statement, with its section. */
import { describe, expect, test } from 'vitest';
import { PCI_BASE_ADDRESS_0, PCI_COMMAND } from '../../../src/abi/pci.ts';
import {
  VIRTIO_PCI_CAP_COMMON_CFG as COMMON,
  VIRTIO_PCI_CAP_DEVICE_CFG as DEVICE,
  VIRTIO_PCI_CAP_ISR_CFG as ISR,
  VIRTIO_PCI_CAP_NOTIFY_CFG as NOTIFY,
  VIRTIO_PCI_CAP_PCI_CFG as PCI_CFG,
  VIRTIO_PCI_CAP_SHARED_MEMORY_CFG as SHARED_MEMORY,
  virtio_pci_modern_common_cfg,
} from '../../../src/abi/virtio-pci.ts';
import type { AccessSize } from '../../../src/bus/mmio-device.ts';
import { NO_VECTOR } from '../../../src/virtio/pci-transport.ts';
import { DriverQueue } from '../../support/driver.ts';
import { ECHO_CONFIG_BYTES, ECHO_FEATURE, ECHO_ID, WRITABLE } from '../../support/echo-device.ts';
import { ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK } from '../../support/mmio-driver.ts';
import { PciRig } from '../../support/pci-rig.ts';
import { random } from '../../support/random.ts';

const FIELDS = virtio_pci_modern_common_cfg.fields;
type Field = keyof typeof FIELDS;
const MASKED = 1;
const ENABLE = 0x8000;
const MASK_ALL = 0x4000;

/** A driver at the structures that the capabilities point to. */
class Driver {
  readonly rig: PciRig;
  readonly #common: number;
  queues: DriverQueue[] = [];

  constructor(rig = new PciRig()) {
    this.rig = rig;
    rig.enable();
    this.#common = rig.addressOf(rig.virtio(COMMON));
  }

  get(field: Field): number {
    return this.rig.load(this.#common + FIELDS[field].offset, FIELDS[field].size as AccessSize);
  }

  set(field: Field, value: number): void {
    this.rig.store(this.#common + FIELDS[field].offset, value, FIELDS[field].size as AccessSize);
  }

  negotiate(): void {
    this.set('cfg.device_status', ACKNOWLEDGE);
    this.set('cfg.device_status', DRIVER);
    for (const word of [0, 1]) {
      this.set('cfg.device_feature_select', word);
      this.set('cfg.guest_feature_select', word);
      this.set('cfg.guest_feature', this.get('cfg.device_feature'));
    }
    this.set('cfg.device_status', FEATURES_OK);
  }

  setUpQueue(index: number): DriverQueue {
    const queue = new DriverQueue(this.rig.ram, 16);
    const { desc, driver, device } = queue.places;
    this.set('cfg.queue_select', index);
    this.set('cfg.queue_size', 16);
    this.set('cfg.queue_desc_lo', desc);
    this.set('cfg.queue_avail_lo', driver);
    this.set('cfg.queue_used_lo', device);
    this.set('cfg.queue_enable', 1);
    return queue;
  }

  start(): void {
    this.negotiate();
    this.queues = [this.setUpQueue(0), this.setUpQueue(1)];
    this.set('cfg.device_status', DRIVER_OK);
  }

  /** §4.1.5.2. */
  notify(index: number): void {
    const { rig } = this;
    const capability = rig.virtio(NOTIFY);
    this.set('cfg.queue_select', index);
    const multiplier = rig.read(capability.offset + 16);
    rig.store(rig.addressOf(capability) + this.get('cfg.queue_notify_off') * multiplier, index, 2);
    rig.loop.settle();
  }
}

describe('§4.1.2 and §4.1.4: how it is found', () => {
  test('vendor 0x1af4, device 0x1040 + id, revision 1, and one structure of each kind', () => {
    const rig = new PciRig();
    expect(rig.read(0)).toBe(0x1af4 + (0x1040 + ECHO_ID) * 0x1_0000);
    expect(rig.read(8, 1)).toBe(1);
    expect(rig.capabilities.map(({ id, type }) => (id === 9 ? type : `msi-x`))).toEqual([
      ...[COMMON, ISR, DEVICE, NOTIFY, PCI_CFG, 'msi-x'],
    ]);
    for (const type of [COMMON, ISR, DEVICE, NOTIFY]) expect(rig.virtio(type).length).toBeGreaterThan(0);
    expect(rig.virtio(DEVICE).length).toBe(ECHO_CONFIG_BYTES);
  });

  test('structures are aligned, lie inside their BARs, and not in each other (§4.1.4.1)', () => {
    const rig = new PciRig();
    const places = [COMMON, ISR, DEVICE, NOTIFY].map((type) => rig.virtio(type));
    for (const { start, bar } of places) expect([start % 4, bar]).toEqual([0, 0]);
    const sorted = places.map(({ start, length }) => [start, start + length]).sort(([a], [b]) => a! - b!);
    sorted.forEach(([start], index) => {
      if (index > 0) expect(start).toBeGreaterThanOrEqual(sorted[index - 1]![1]!);
    });
    expect(sorted.at(-1)![1]).toBeLessThanOrEqual(0x4000);
  });

  test('§4.1.4.7: shared memory regions by 64-bit offsets and lengths', () => {
    const rig = new PciRig({ sharedMemory: [{ id: 3, base: 0x2_0000_0000, size: 0x1_0000_2000 }] });
    const { offset, bar, start, length } = rig.virtio(SHARED_MEMORY);
    expect([bar, rig.read(offset + 5, 1)]).toEqual([2, 3]);
    expect([start, rig.read(offset + 16), length, rig.read(offset + 20)]).toEqual([0, 2, 0x2000, 1]);
    rig.enable();
    expect(rig.told).toContain('shared memory at 800000000');
  });
});

describe('PCI §6.2.5: base addresses', () => {
  test('all ones read back as the size, whatever the guest wrote before', () => {
    const rig = new PciRig({ sharedMemory: [{ id: 0, base: 0, size: 0x4_0000_0000 }] });
    const sizes = [0, 1, 2, 3, 4, 5].map((bar) => {
      rig.write(PCI_BASE_ADDRESS_0 + 4 * bar, 0xffff_ffff);
      return rig.read(PCI_BASE_ADDRESS_0 + 4 * bar);
    });
    expect(sizes).toEqual([0xffff_c000, 0xffff_f000, 0xc, 0xffff_fffc, 0, 0]);
  });

  test('structures lie where the guest puts them, and nowhere while memory is disabled', () => {
    const rig = new PciRig();
    expect(rig.placed.size).toBe(0);
    rig.enable();
    const { start } = rig.virtio(NOTIFY);
    expect([...rig.placed.keys()]).toEqual([0x1000_0000, 0x1010_0000]);
    rig.write(PCI_BASE_ADDRESS_0, 0x2000_1234);
    expect([...rig.placed.keys()].sort()).toEqual([0x1010_0000, 0x2000_0000]);
    expect(rig.load(0x2000_0000 + FIELDS['cfg.num_queues'].offset, 2)).toBe(2);
    rig.write(PCI_COMMAND, 0, 2);
    expect(rig.placed.size).toBe(0);
    const where = (base: number) => `notifications at ${(base + start).toString(16)}`;
    expect(rig.told).toEqual([
      where(0x1000_0000),
      'notifications at nowhere',
      where(0x2000_0000),
      'notifications at nowhere',
    ]);
  });

  test('a BAR that lies outside of all windows is nowhere, and comes back', () => {
    const rig = new PciRig({ window: { base: 0x1000_0000, size: 0x1000_0000 } });
    rig.enable();
    rig.write(PCI_BASE_ADDRESS_0, 0x4000_0000);
    expect([...rig.placed.keys()]).toEqual([0x1010_0000]);
    rig.write(PCI_BASE_ADDRESS_0, 0x1800_0000);
    expect([...rig.placed.keys()].sort()).toEqual([0x1010_0000, 0x1800_0000]);
  });

  test('what the guest may not write it does not change: ids, class, capabilities', () => {
    const rig = new PciRig();
    const before = Array.from({ length: 64 }, (_, word) => rig.read(4 * word));
    for (let word = 0; word < 64; word++) {
      if (word === 1 || (word >= 4 && word < 10)) continue;
      rig.write(4 * word, 0);
    }
    const writable = new Set([15]);
    before.forEach((value, word) => {
      if (!writable.has(word)) expect(rig.read(4 * word), `word ${word}`).toBe(value);
    });
  });
});

describe('§4.1.4.3: the common configuration', () => {
  test('a driver that negotiates, sets up queues and sends gets its answer', () => {
    const driver = new Driver();
    driver.start();
    expect(driver.get('cfg.device_status')).toBe(DRIVER_OK);
    expect(driver.rig.device.negotiated & (1n << BigInt(ECHO_FEATURE))).not.toBe(0n);
    const buffer = driver.queues[0]!.add({ readable: [Uint8Array.of(1, 2, 3)], writable: [3] });
    driver.queues[0]!.kick();
    driver.notify(0);
    expect(driver.queues[0]!.take()).toBeDefined();
    expect([...buffer.writable()]).toEqual([1, 2, 3]);
    expect(driver.rig.told).toContain('interrupt of queue 0');
  });

  test('selectors, sizes and addresses read back; a queue that there is not has the size 0', () => {
    const driver = new Driver();
    driver.set('cfg.queue_select', 1);
    expect([driver.get('cfg.queue_size'), driver.get('cfg.queue_enable')]).toEqual([16, 0]);
    driver.set('cfg.queue_used_hi', 7);
    driver.set('cfg.queue_desc_lo', 0x1234_5000);
    expect([driver.get('cfg.queue_used_hi'), driver.get('cfg.queue_desc_lo')]).toEqual([7, 0x1234_5000]);
    driver.set('cfg.queue_select', 2);
    expect([driver.get('cfg.queue_select'), driver.get('cfg.queue_size')]).toEqual([2, 0]);
    expect([driver.get('cfg.num_queues'), driver.get('queue_reset')]).toEqual([2, 0]);
  });

  test('fields are only taken at their own width', () => {
    const driver = new Driver();
    const common = driver.rig.addressOf(driver.rig.virtio(COMMON));
    driver.rig.store(common + FIELDS['cfg.device_status'].offset, ACKNOWLEDGE, 4);
    driver.rig.store(common + FIELDS['cfg.queue_desc_lo'].offset, 0xff, 1);
    expect([driver.get('cfg.device_status'), driver.get('cfg.queue_desc_lo')]).toEqual([0, 0]);
  });

  test('a status of 0 takes back everything, vectors too (§4.1.5.1.2)', () => {
    const driver = new Driver();
    driver.start();
    driver.set('cfg.msix_config', 2);
    driver.set('cfg.device_status', 0);
    expect([driver.get('cfg.device_status'), driver.get('cfg.msix_config')]).toEqual([0, NO_VECTOR]);
    expect(driver.rig.told.slice(-2)).toEqual(['stopped', 'vector of 2: none']);
    expect(driver.rig.device.queues).toEqual([]);
    driver.start();
    expect(driver.get('cfg.device_status')).toBe(DRIVER_OK);
  });

  test('§2.6.1: a queue that was reset can be set up again', () => {
    const driver = new Driver();
    driver.start();
    driver.set('cfg.queue_select', 0);
    driver.set('queue_reset', 1);
    expect([driver.get('queue_reset'), driver.get('cfg.queue_enable'), driver.get('cfg.queue_size')]).toEqual([
      0, 0, 64,
    ]);
    const queue = driver.setUpQueue(0);
    queue.add({ readable: [Uint8Array.of(9)], writable: [1] });
    queue.kick();
    driver.notify(0);
    expect(queue.take()).toBeDefined();
  });

  test('§4.1.4.6: the config space at every width; what the device accepts of writes', () => {
    const driver = new Driver();
    const config = driver.rig.addressOf(driver.rig.virtio(DEVICE));
    expect([driver.rig.load(config, 1), driver.rig.load(config, 2), driver.rig.load(config, 4)]).toEqual([
      ...[1, 0x0201, 0x0403_0201],
    ]);
    driver.rig.store(config + WRITABLE, 0x55, 1);
    driver.rig.store(config, 0x55, 1);
    expect([driver.rig.load(config + WRITABLE, 1), driver.rig.load(config, 1)]).toEqual([0x55, 1]);
    const before = driver.get('cfg.config_generation');
    driver.start();
    driver.rig.device.config.update((view) => view.setUint8(0, 99));
    expect([driver.rig.load(config, 1), driver.get('cfg.config_generation')]).toEqual([99, before + 1]);
    expect(driver.rig.told.at(-1)).toBe('interrupt of the config space');
  });

  test('§4.1.4.5: reading the ISR status takes it back', () => {
    const driver = new Driver();
    driver.rig.isr[0] = 3;
    const isr = driver.rig.addressOf(driver.rig.virtio(ISR));
    expect([driver.rig.load(isr, 1), driver.rig.load(isr, 1)]).toEqual([3, 0]);
  });

  test('§4.1.4.9: the structures through the configuration space', () => {
    const driver = new Driver();
    const { rig } = driver;
    const { offset } = rig.virtio(PCI_CFG);
    const access = (at: number, length: number) => {
      rig.write(offset + 4, 0, 1);
      rig.write(offset + 8, at);
      rig.write(offset + 12, length);
    };
    const { start } = rig.virtio(COMMON);
    access(start + FIELDS['cfg.num_queues'].offset, 2);
    expect(rig.read(offset + 16, 2)).toBe(2);
    expect(rig.told).toContain('reads have effects');
    access(start + FIELDS['cfg.device_status'].offset, 1);
    rig.write(offset + 16, ACKNOWLEDGE, 1);
    expect(driver.get('cfg.device_status')).toBe(ACKNOWLEDGE);
    for (const [at, length] of [
      [0xffff_fff0, 4],
      [start, 3],
      [start, 0],
    ] as const) {
      access(at, length);
      rig.write(offset + 16, 0xff);
    }
    expect(driver.get('cfg.device_status')).toBe(ACKNOWLEDGE);
  });
});

test('whatever a guest writes, in whatever order: nothing throws, and BARs lie inside the windows', () => {
  const window = { base: 0x1000_0000, size: 0x2eff_0000 };
  const sharedMemory = [{ id: 1, base: 0, size: 0x20_0000 }];
  const { seed, below, pick } = random();
  for (let round = 0; round < 200; round++) {
    const rig = new PciRig({ sharedMemory, window });
    rig.enable();
    for (let step = 0; step < 200; step++) {
      const size = pick([1, 2, 4] as const);
      const value = pick([0, 1, 2, 0xff, 0x8000, 0xffff, 0x1000_0000, 0x3eff_c000, 0xffff_ffff, below(2 ** 32)]);
      const [place] = [...rig.placed.values()].slice(below(3));
      const offset = size * below((place?.range.size ?? 4096) / size);
      if (place && below(2) === 0) {
        place.device.read(offset, size);
        place.device.write(offset, size, value % 2 ** (8 * size));
      } else {
        const at = below(4) === 0 ? size * below(4096 / size) : size * below(0x100 / size);
        rig.write(at, value % 2 ** (8 * size), size);
        rig.read(at, size);
      }
      for (const { range } of rig.placed.values()) {
        expect(range.base, `seed ${seed}`).toBeGreaterThanOrEqual(window.base);
        expect(range.base + range.size).toBeLessThanOrEqual(window.base + window.size);
      }
    }
    rig.fn.reset();
    expect(rig.placed.size).toBe(0);
  }
});

describe('PCI §6.8.2 and virtio §4.1.5.1: MSI-X', () => {
  const tableOf = (rig: PciRig) => rig.addressOf({ bar: 1, start: rig.read(rig.msix + 4) & ~7 });
  const pbaOf = (rig: PciRig) => rig.addressOf({ bar: 1, start: rig.read(rig.msix + 8) & ~7 });
  const setVector = (rig: PciRig, vector: number, control: number) => {
    [0x0808_0040, 0, 100 + vector, control].forEach((value, word) => {
      rig.store(tableOf(rig) + 16 * vector + 4 * word, value, 4);
    });
  };

  test('a vector for each queue and one for the config space, all masked at first', () => {
    const { rig } = new Driver();
    expect(rig.read(rig.msix + 2, 2)).toBe(2);
    for (const vector of [0, 1, 2]) expect(rig.load(tableOf(rig) + 16 * vector + 12, 4)).toBe(MASKED);
  });

  test('delivers while enabled, neither masked itself nor all of them masked', () => {
    const { rig } = new Driver();
    setVector(rig, 1, 0);
    expect(rig.routes.size).toBe(0);
    rig.write(rig.msix + 2, ENABLE | MASK_ALL, 2);
    expect([rig.routes.size, rig.told.at(-1)]).toEqual([0, 'messages on']);
    rig.write(rig.msix + 2, ENABLE, 2);
    expect([...rig.routes]).toEqual([[1, { address: 0x0808_0040n, data: 101 }]]);
    setVector(rig, 2, 0);
    setVector(rig, 1, MASKED);
    expect([...rig.routes.keys()]).toEqual([2]);
    rig.write(rig.msix + 2, 0, 2);
    expect([rig.routes.size, rig.told.at(-1)]).toEqual([0, 'messages off']);
  });

  test('what comes while it is masked is pending; what is unmasked never reads as pending', () => {
    const { rig } = new Driver();
    rig.write(rig.msix + 2, ENABLE, 2);
    setVector(rig, 0, 0);
    rig.pending.add(0).add(2);
    expect([rig.load(pbaOf(rig), 4), rig.load(pbaOf(rig) + 4, 4)]).toEqual([4, 0]);
    rig.store(pbaOf(rig), 0xff, 4);
    expect(rig.load(pbaOf(rig), 4)).toBe(4);
  });

  test('a vector that there is not is refused by reading NO_VECTOR', () => {
    const driver = new Driver();
    driver.set('cfg.msix_config', 2);
    driver.set('cfg.queue_select', 1);
    driver.set('cfg.queue_msix_vector', 1);
    expect([driver.get('cfg.msix_config'), driver.get('cfg.queue_msix_vector')]).toEqual([2, 1]);
    driver.set('cfg.queue_msix_vector', 3);
    expect(driver.get('cfg.queue_msix_vector')).toBe(NO_VECTOR);
    expect(driver.rig.told.slice(-3)).toEqual(['vector of 2: 2', 'vector of 1: 1', 'vector of 1: none']);
  });

  test('a reset of the function masks all, and wired interrupts are back', () => {
    const { rig } = new Driver();
    rig.write(rig.msix + 2, ENABLE, 2);
    setVector(rig, 0, 0);
    rig.fn.reset();
    expect([rig.routes.size, rig.placed.size, rig.told.at(-1)]).toEqual([0, 0, 'messages off']);
    expect(rig.read(rig.msix + 2, 2)).toBe(2);
  });
});
