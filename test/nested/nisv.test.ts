/**
 * Instructions on device memory that hardware does not decode for us: carried out as in RAM (guests/bare-metal/device-memory.c
 * checks that from inside), refused, or the end of the run, as `nisv` says.
 */
import { describe, expect, test } from 'vitest';
import { hasHost, host } from '../support/nested-host.ts';
import { complaintsOf, linesOf, payload, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';

/** Thousands of exits, each with a walk of tables, on an emulated CPU. */
const PAYLOAD_TIMEOUT_MS = 400_000;

describe.each(['main', 'pi4'] as const)('on host %s', { timeout: TEST_TIMEOUT_MS }, (name) => {
  test.skipIf(!hasHost(name))('emulate: every load and store does to a device what it does to RAM', async () => {
    const l1 = await host(name);
    await using vm = await startVm(l1, { kernel: payload('device-memory'), 'scratch-device': true });
    expect(await vm.exited(PAYLOAD_TIMEOUT_MS)).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
    expect(linesOf(vm.output, 'PAGES')).toContain('PAGES 4K');
    const shown = ['COST', 'SKIP'].flatMap((word) => linesOf(vm.output, word));
    process.stdout.write(shown.map((line) => `  ${name}: ${line}\n`).join(''));
    expect(vm.messages).toMatch(/Guest used ldxr w2, \[x1\] \(0x885f7c22\) on device address 0x0b00_0100, at pc 0x/);
  });

  test.skipIf(!hasHost(name))('emulate: registers of a device need no register page for it', async () => {
    const l1 = await host(name);
    const options = { 'scratch-device': true, 'register-pages': 'off' };
    await using vm = await startVm(l1, { kernel: payload('device-memory', 'brief'), ...options });
    expect(await vm.exited(PAYLOAD_TIMEOUT_MS)).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
  });

  test.skipIf(!hasHost(name))('inject: the guest gets an external abort, and one line says for what', async () => {
    const l1 = await host(name);
    await using vm = await startVm(l1, { kernel: payload('unknown', 'nisv'), nisv: 'inject' });
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
    expect(vm.output).toContain('survived ldp, aborts=1');
    expect(vm.messages).toMatch(/Guest used ldp x\d+, x\d+, \[x\d+\] .* on device address 0x0980_0000/);
    expect(vm.messages).toContain('hardware does not decode it, and nisv is inject: it gets an external abort');
  });

  test.skipIf(!hasHost(name))('stop: the run ends with the instruction and its place', async () => {
    const l1 = await host(name);
    await using vm = await startVm(l1, { kernel: payload('unknown', 'nisv'), nisv: 'stop' });
    expect(await vm.exited()).not.toBe(0);
    expect(vm.messages).toMatch(/vCPU 0 cannot go on: at 0x4008_\w{4} it used ldp x\d+, x\d+, \[x\d+\] \(0x\w{8}\)/);
    expect(vm.messages).toContain('and nisv is stop');
  });

  test.skipIf(!hasHost(name))('ctl explain-memory: each slot, and what the guest gets of it here', async () => {
    const l1 = await host(name);
    await using vm = await startVm(l1, { kernel: payload('counters'), devices: { noise: { type: 'rng' } } });
    await vm.printed('COUNTERS');
    const { stdout } = await vm.ctl('explain-memory');
    expect(stdout).toContain(`FEAT_S2FWB: ${name === 'pi4' ? 'no' : 'yes'}: `);
    expect(stdout).toMatch(
      /0x4000_0000–0x47df_ffff \(126 MiB\) ram: RAM\n {2}behind it: anonymous memory, private, pages of 4 KiB; KVM maps it as Normal-WB\n {2}mapped by nobody else/,
    );
    expect(stdout).toContain('regs: registers of noise, read-only');
    const [device, memory] =
      name === 'pi4' ? ['Device-nGnRE', 'Normal-WB with'] : ['Normal-WB', 'Device-nGnRE without'];
    expect(stdout).toContain(`asks for Device-nGnRE, it gets ${device} (${memory} FEAT_S2FWB)`);
    vm.write('.');
    expect(await vm.exited()).toBe(0);
  });
});
