/**
 * The terminals that are in raw mode now. Of the whole process, like the signals and the exit that must restore them: the
 * one thing here that cannot belong to a machine. Apart from terminal-mode.ts, so that asking does not load koffi.
 */
import type { RawMode } from './terminal-mode.ts';

export const rawTerminals = new Set<RawMode>();

/** Whether a terminal is in raw mode: then a line for the user must end with a carriage return too. */
export function isAnyTerminalRaw(): boolean {
  return rawTerminals.size > 0;
}
