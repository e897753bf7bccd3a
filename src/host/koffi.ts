/**
 * koffi's native part, loaded without its JavaScript. That wrapper serves every way of bundling and what older versions
 * offered; it takes 30 times as long to load as the native part itself (docs/measurements.md, "Start-up"), and nothing of
 * it is wanted here. Its types still are.
 */
import type { default as Koffi } from 'koffi';
import { HostError } from '../base/errors.ts';

/** Where the installed form keeps it, and where npm does, both seen from this file or from the bundle it is in. */
const FOLDERS = ['../../build/koffi', `../../node_modules/@koromix/koffi-linux-${process.arch}`];
const LIBCS = ['linux', 'musl'];

export const koffi = loadNative();

function loadNative(): typeof Koffi {
  const failures: string[] = [];
  for (const folder of FOLDERS) {
    for (const libc of LIBCS) {
      const target = { exports: {} };
      try {
        process.dlopen(target, `${import.meta.dirname}/${folder}/${libc}_${process.arch}/koffi.node`);
        return target.exports as typeof Koffi;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
  }
  throw new HostError(`Cannot load koffi for ${process.arch}: ${failures.join('; ')}: install orko-vmm again`);
}
