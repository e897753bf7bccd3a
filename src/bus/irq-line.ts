/** A wired interrupt as a device sees it. Raising a raised line, and lowering a lowered one, does nothing. */
export interface IrqLine {
  raise(): void;
  lower(): void;
}
