/** What answers the exits of a guest: the bus behind them, and what is done about instructions that hardware did not decode. */
import type { GuestAddress } from '../base/range.ts';
import { Reg as UartReg } from '../devices/pl011.ts';
import type { Signals } from '../host/signals.ts';
import { zeroBlockBytes } from '../host/zero-block.ts';
import type { MemorySlots } from '../memory/slots.ts';
import type { ProcessorsWorld, UndecodedPolicy } from '../vcpu/processors.ts';
import { UndecodedAccesses } from '../vcpu/undecoded.ts';
import type { Board } from './board.ts';
import type { Coalescing } from './coalescing.ts';
import { LAYOUT } from './layout.ts';
import { SlotsAndBus } from './physical-space.ts';

/** Where the guest's console output goes. */
export const UART_DATA = { base: LAYOUT.pl011.base + UartReg.DR, size: 4 } as const;

export interface ExitHandlingParts {
  readonly signals: Signals;
  readonly board: Board;
  readonly slots: MemorySlots;
  readonly coalescing: Coalescing;
  readonly undecodedPolicy: UndecodedPolicy;
  readonly hasSve: boolean;
  log(message: string): void;
}

/** For the processors; owned by the caller, who disposes of it when no vCPU runs any more. */
export class ExitHandling implements ProcessorsWorld, Disposable {
  readonly signals: Signals;
  readonly mmio: ProcessorsWorld['mmio'];
  readonly undecodedPolicy: UndecodedPolicy;
  readonly log: (message: string) => void;
  readonly #createUndecoded: () => UndecodedAccesses;
  #undecoded: UndecodedAccesses | undefined;

  constructor({ signals, board, slots, coalescing, undecodedPolicy, hasSve, log }: ExitHandlingParts) {
    const { bus, uart } = board;
    const written = (address: GuestAddress) => {
      if (address === UART_DATA.base) coalescing.begin();
      uart.flush();
    };
    this.signals = signals;
    this.undecodedPolicy = undecodedPolicy;
    this.log = log;
    this.mmio = {
      read: (address, size) => bus.read(address, size),
      write: (address, size, value) => {
        bus.write(address, size, value);
        written(address);
      },
      drain: () => coalescing.drain(),
    };
    this.#createUndecoded = () =>
      new UndecodedAccesses({ space: new SlotsAndBus(slots, bus, written), hasSve, zeroBlockBytes });
  }

  /** Made for the first of them: most guests have none. */
  get undecoded(): UndecodedAccesses {
    this.#undecoded ??= this.#createUndecoded();
    return this.#undecoded;
  }

  [Symbol.dispose](): void {
    this.#undecoded?.[Symbol.dispose]();
  }
}
