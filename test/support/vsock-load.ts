/** Streams between the programs of a guest (guests/linux/agent, `vsock`) and one of the host, from both sides at once. */
import { join } from 'node:path';
import { expect } from 'vitest';
import type { HostProcess, NestedHost } from './nested-host.ts';
import { linesOf, TEST_TIMEOUT_MS, type Vm } from './vm.ts';

const PEER = join(import.meta.dirname, 'vsock-peer.ts');

/** The host's side, ready for the guest's calls. `whole`: for a back-end that knows no streams with one half ended (`orko.halves=0`). */
export async function startPeer(
  l1: NestedHost,
  path: string,
  streams: number,
  bytes: number,
  ends: 'halves' | 'whole' = 'halves',
): Promise<HostProcess> {
  const peer = l1.spawn(`rm -f ${path}_5000; exec node ${PEER} ${path} ${streams} ${bytes} ${ends}`);
  await peer.printed('LISTENING', TEST_TIMEOUT_MS);
  return peer;
}

/** Both sides call each other, and say how it went. */
export async function expectWhole(
  vm: Pick<Vm, 'printed' | 'output'>,
  peer: HostProcess,
  streams: number,
): Promise<void> {
  await vm.printed('ORKO-READY vsock');
  peer.write('go\n');
  await vm.printed(/^ORKO-CHECK vsock [^\n]*\n/m, TEST_TIMEOUT_MS);
  expect(linesOf(vm.output, 'ORKO-CHECK')).toEqual([
    expect.stringContaining(`vsock PASS calls=${streams} echoes=${streams}`),
  ]);
  // The guest stays until the host has read everything: what is on its way when a guest powers off is lost.
  await peer.exited(TEST_TIMEOUT_MS);
  expect(peer.stdout).toContain(`PEER calls=${streams} echoes=${streams}`);
}
