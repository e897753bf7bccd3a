/** An interrupt line that remembers its level. */
import type { IrqLine } from '../../src/bus/irq-line.ts';

export class FakeLine implements IrqLine {
  level = false;
  /** How often the level went from low to high. */
  edges = 0;

  raise(): void {
    if (!this.level) this.edges++;
    this.level = true;
  }

  lower(): void {
    this.level = false;
  }
}
