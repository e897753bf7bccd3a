/**
 * The device tree nodes of the board's devices. Addresses, interrupts and clocks come in; the compatible strings and the
 * shape are those of Linux's bindings (Documentation/devicetree/bindings, named at each node).
 */
import { type DeviceNodeContext, nodeName, reg } from '../fdt/device-node.ts';
import { FdtNode } from '../fdt/tree.ts';
import type { PropertyValue } from '../fdt/value.ts';

/** KEY_POWER of linux/input-event-codes.h. */
const KEY_POWER = 116;
/** GPIO flag of linux/gpio.h's device tree header (dt-bindings/gpio/gpio.h): a pressed key reads 1. */
const GPIO_ACTIVE_HIGH = 0;

/** UART, bindings serial/pl011.yaml. The second clock is the bus's, both are the same one here. */
export function pl011Node(context: DeviceNodeContext): FdtNode {
  return primeCell('pl011', context, {
    clocks: [context.clock, context.clock],
    'clock-names': ['uartclk', 'apb_pclk'],
  });
}

/** Real-time clock, bindings rtc/arm,pl031.yaml. */
export function pl031Node(context: DeviceNodeContext): FdtNode {
  return primeCell('pl031', context, { clocks: context.clock, 'clock-names': 'apb_pclk' });
}

/** Eight GPIO lines, which can interrupt, bindings gpio/pl061-gpio.yaml. */
export function pl061Node(context: DeviceNodeContext): FdtNode {
  return primeCell('pl061', context, {
    clocks: context.clock,
    'clock-names': 'apb_pclk',
    'gpio-controller': true,
    '#gpio-cells': 2,
    'interrupt-controller': true,
    '#interrupt-cells': 2,
    '#address-cells': 0,
  });
}

/** The power button on line `line` of a GPIO controller, bindings input/gpio-keys.yaml. It has no address of its own. */
export function powerKeyNode(gpio: number, line: number): FdtNode {
  return new FdtNode('gpio-keys', { compatible: 'gpio-keys' }, [
    new FdtNode('poweroff-key', {
      label: 'GPIO Key Poweroff',
      'linux,code': KEY_POWER,
      gpios: [gpio, line, GPIO_ACTIVE_HIGH],
    }),
  ]);
}

/** Where a guest reports its panic (QEMU docs/specs/pvpanic.rst; Linux drivers/misc/pvpanic/pvpanic-mmio.c). */
export function pvpanicNode({ range }: DeviceNodeContext): FdtNode {
  return new FdtNode(nodeName('pvpanic', range.base), { compatible: 'qemu,pvpanic-mmio', reg: reg(range) });
}

/** Memory that exits (src/devices/scratch.ts). No kernel has a driver for it. */
export function scratchNode({ range }: DeviceNodeContext): FdtNode {
  return new FdtNode(nodeName('scratch', range.base), { compatible: 'orko,scratch', reg: reg(range) });
}

/** A virtio device on the MMIO transport, bindings virtio/mmio.yaml. `children` are what hangs on its bus, if it is one. */
export function virtioMmioNode(context: DeviceNodeContext, children: readonly FdtNode[] = []): FdtNode {
  return new FdtNode(
    nodeName('virtio_mmio', context.range.base),
    { compatible: 'virtio,mmio', ...regAndInterrupts(context), 'dma-coherent': true },
    children,
  );
}

/** A device with an id register that Linux's AMBA bus probes, bindings arm/primecell.yaml. */
function primeCell(name: string, context: DeviceNodeContext, properties: Record<string, PropertyValue>): FdtNode {
  return new FdtNode(nodeName(name, context.range.base), {
    compatible: [`arm,${name}`, 'arm,primecell'],
    ...regAndInterrupts(context),
    ...properties,
  });
}

function regAndInterrupts({ range, interrupts }: DeviceNodeContext): Record<string, PropertyValue> {
  return { reg: reg(range), ...(interrupts && { interrupts }) };
}
