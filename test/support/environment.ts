/** Where and how thoroughly the tests run. Vitest's configuration asks too, so nothing of Vitest is imported here. */
import { accessSync } from 'node:fs';

/** `make soak` and `ORKO_SOAK=1` repeat as often as the requirement says; `make test` less often, and says so. */
export const IS_SOAK = process.env['ORKO_SOAK'] === '1';

/** `make nested TRANSPORT=pci`: the transport of every virtio device whose test does not name one. */
export const TRANSPORT = process.env['ORKO_TRANSPORT'];

/** Whether guests run on this machine itself, and not in an Arm host inside QEMU. */
export function isArmHost(): boolean {
  if (process.arch !== 'arm64') return false;
  try {
    accessSync('/dev/kvm');
    return true;
  } catch {
    return false;
  }
}
