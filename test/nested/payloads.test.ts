/** The bare-metal guests, each of which checks one device or interface from inside (guests/bare-metal). */
import { beforeAll, describe, expect, test } from 'vitest';
import { host, type NestedHost } from '../support/nested-host.ts';
import { complaintsOf, payload, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';

/** Places of unknown accesses that get a line of their own (src/bus/unknown-accesses.ts). */
const UNKNOWN_PLACES_LOGGED = 64;

describe('bare-metal guests', { timeout: TEST_TIMEOUT_MS }, () => {
  let l1: NestedHost;
  beforeAll(async () => {
    l1 = await host('main');
  });

  test.each([
    { name: 'hello', registerPages: 'on' },
    { name: 'hello', registerPages: 'off' },
    { name: 'uart', registerPages: 'on' },
    { name: 'uart', registerPages: 'off' },
    { name: 'timer', registerPages: 'auto' },
  ])('$name: every check passes (register-pages: $registerPages)', async ({ name, registerPages }) => {
    await using vm = await startVm(l1, { kernel: payload(name), 'register-pages': registerPages });
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
  });

  test('unknown: accesses where nothing is are harmless, and reported once a place up to a limit', async () => {
    await using vm = await startVm(l1, { kernel: payload('unknown', 'nisv') });
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
    const places = [...vm.messages.matchAll(/Guest (?:read|write) of .* at (0x\S+), where/g)].map(([, place]) => place);
    expect(places).toHaveLength(UNKNOWN_PLACES_LOGGED);
    expect(new Set(places).size).toBe(UNKNOWN_PLACES_LOGGED);
    expect(vm.messages).toMatch(/of which \d+ were not logged/);
    expect(vm.output).toContain('survived ldp, aborts=0');
  });
});
