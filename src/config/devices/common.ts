/** Keys that every virtio device has: each table spreads them in. */
import { choice, flag, integer, overlays, text } from '../kinds.ts';

/** The largest queue of virtio (1.4 §2.7.2), and all powers of two up to it. */
const QUEUE_SIZES = Array.from({ length: 15 }, (_, exponent) => 2 ** (exponent + 1));

export const COMMON_KEYS = {
  iothread: text({
    default: 'io',
    pattern: /^[A-Za-z][A-Za-z0-9_-]{0,31}$/,
    patternHelp: 'a name: a letter, then letters, digits, dashes and underscores',
    examples: ['disks'],
    help: 'The I/O thread that runs the device. Devices that name the same one share it; each name is a thread of its own.',
  }),
  interrupt: choice({
    choices: ['direct', 'strict'],
    default: 'direct',
    examples: ['strict'],
    meanings: {
      direct:
        'the register reads "used buffers" all the time, so that acknowledging an interrupt never leaves the guest',
      strict: 'the register says exactly what happened, at the cost of an exit per interrupt',
    },
    help: 'How the InterruptStatus register of `transport: mmio` works.',
  }),
  transport: choice({
    choices: ['mmio', 'pci'],
    default: 'mmio',
    examples: ['pci'],
    meanings: {
      mmio: 'virtio-mmio: a node of the device tree, one interrupt for all queues',
      pci: 'virtio-pci: a function on a PCI bus, which the guest then has, and a message-signalled interrupt for each queue',
    },
    help: 'How the guest finds the device, and how the two talk.',
  }),
  hotplug: flag({
    default: false,
    examples: ['true'],
    help: 'With `transport: pci`: whether the device sits behind a root port of its own, from which it is taken and put back while the guest runs (`orko-vmm ctl VM device NAME unplug`, `plug`). The guest needs pciehp (CONFIG_HOTPLUG_PCI_PCIE), and an ITS or GICv2m. At most 15 devices.',
  }),
  packed: choice({
    choices: ['off', 'on'],
    default: 'off',
    examples: ['on'],
    help: 'Whether packed virtqueues are offered to the driver.',
  }),
  children: overlays({
    default: [],
    defaultHelp: 'none',
    examples: [
      '[sensors.dtbo]',
      '[{ gpio: { compatible: "virtio,device29", "gpio-controller": true, "#gpio-cells": 2 } }]',
    ],
    help: 'Child nodes of the device\'s node in the device tree: paths of `.dtbo` or `.dts` files, or nodes written right here (as in `overlays`; `"label: name"` gives a node a label). In a file `&{/}` stands for the device\'s node. Labels can be used from all other nodes.',
  }),
} as const;

/** `queue-size` of a device whose queues have `standard` entries unless the config says otherwise. */
export const queueSizeKey = <const Standard extends number>(standard: Standard) =>
  integer({
    min: 2,
    max: 32768,
    only: QUEUE_SIZES,
    default: standard,
    unit: 'entries',
    examples: ['64'],
    help: 'The largest size of each queue that the driver may choose: a power of two.',
  });
