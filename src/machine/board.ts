/**
 * The devices every guest has: UART, real-time clock, GPIO with the power key, panic reporter. They live as long as the
 * machine and are reset when the guest reboots; which VM their interrupts go to changes.
 */

import { pl011Node, pl031Node, pl061Node, pvpanicNode, scratchNode } from '../boot/device-nodes.ts';
import type { GuestDevice } from '../boot/device-tree.ts';
import type { IrqLine } from '../bus/irq-line.ts';
import { MmioBus } from '../bus/mmio-bus.ts';
import { GicV2m } from '../devices/gicv2m.ts';
import { type ByteSink, Pl011 } from '../devices/pl011.ts';
import { type Clock, Pl031 } from '../devices/pl031.ts';
import { Pl061 } from '../devices/pl061.ts';
import { PowerKey, type Timer } from '../devices/power-key.ts';
import { type GuestEvent, Pvpanic } from '../devices/pvpanic.ts';
import { Scratch } from '../devices/scratch.ts';
import { IRQ_TYPE_LEVEL_HIGH, spiCells } from '../fdt/device-node.ts';
import { LAYOUT, SPI, V2M_SPIS } from './layout.ts';

export interface BoardWorld {
  /** There is the device of `scratch-device: true`. */
  readonly hasScratch: boolean;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly console: ByteSink;
  /** The UART has room again for input that it turned away. */
  onConsoleSpace(): void;
  onGuestEvent(event: GuestEvent): void;
  setSpiLevel(spi: number, level: 0 | 1): void;
  log(message: string): void;
}

export class Board {
  readonly bus: MmioBus;
  readonly uart: Pl011;
  readonly rtc: Pl031;
  readonly powerKey: PowerKey;
  readonly #gpio: Pl061;
  readonly #scratch: Scratch | undefined;

  constructor(world: BoardWorld) {
    const line = (spi: number): IrqLine => ({
      raise: () => world.setSpiLevel(spi, 1),
      lower: () => world.setSpiLevel(spi, 0),
    });
    this.bus = new MmioBus(world.log);
    this.uart = new Pl011(line(SPI.pl011), world.console, world.onConsoleSpace);
    this.rtc = new Pl031(world.clock, line(SPI.pl031));
    this.#gpio = new Pl061(line(SPI.pl061));
    this.powerKey = new PowerKey(this.#gpio, world.timer);
    this.bus.attach(LAYOUT.pl011, this.uart);
    this.bus.attach(LAYOUT.pl031, this.rtc);
    this.bus.attach(LAYOUT.pl061, this.#gpio);
    this.bus.attach(LAYOUT.pvpanic, new Pvpanic(world.onGuestEvent));
    if (world.hasScratch) {
      this.#scratch = new Scratch();
      this.bus.attach(LAYOUT.scratch, this.#scratch);
    }
  }

  /** The frame through which a GICv2 takes messages. */
  attachV2m(): void {
    this.bus.attach(LAYOUT.gicV2m, new GicV2m(V2M_SPIS));
  }

  reset(): void {
    this.#scratch?.reset();
    this.powerKey.release();
    this.uart.reset();
    this.rtc.reset();
    this.#gpio.reset();
  }
}

/** The board's nodes, labelled as overlays may name them. */
export const BOARD_DEVICES: readonly GuestDevice[] = [
  { label: 'uart0', range: LAYOUT.pl011, interrupts: spiCells(SPI.pl011, IRQ_TYPE_LEVEL_HIGH), node: pl011Node },
  { label: 'rtc0', range: LAYOUT.pl031, interrupts: spiCells(SPI.pl031, IRQ_TYPE_LEVEL_HIGH), node: pl031Node },
  { label: 'gpio0', range: LAYOUT.pl061, interrupts: spiCells(SPI.pl061, IRQ_TYPE_LEVEL_HIGH), node: pl061Node },
  { label: 'pvpanic', range: LAYOUT.pvpanic, node: pvpanicNode },
];

export const SCRATCH_DEVICE: GuestDevice = { label: 'scratch', range: LAYOUT.scratch, node: scratchNode };
