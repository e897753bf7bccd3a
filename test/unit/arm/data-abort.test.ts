import { expect, test } from 'vitest';
import { takeDataAbort } from '../../../src/arm/data-abort.ts';

const ABORT = { virtual: 0xf000n, status: 0x07, isWrite: true };
const VBAR = 0xffff_8000_0000_0800n;

test('from EL0: the lower vector, EC 0x24, and all interrupts masked', () => {
  const taken = takeDataAbort({ pc: 0x400100n, pstate: 0x6000_0000n, sctlr: 1n << 23n, vbar: VBAR }, ABORT);
  expect(taken).toEqual({
    pc: VBAR + 0x400n,
    pstate: 0x6000_03c5n,
    elr: 0x400100n,
    spsr: 0x6000_0000n,
    esr: 0x9200_0047n,
    far: 0xf000n,
  });
});

test.each([
  ['SP_EL1', 0x3c5n, 0x200n],
  ['SP_EL0', 0x3c4n, 0x000n],
])('from EL1 with %s: EC 0x25, and PAN set unless SPAN is', (_, pstate, offset) => {
  const cpu = { pc: 0x8n, pstate, vbar: VBAR };
  const taken = takeDataAbort({ ...cpu, sctlr: 0n }, { ...ABORT, isWrite: false });
  expect(taken.pc).toBe(VBAR + offset);
  expect(taken.esr).toBe(0x9600_0007n);
  expect(taken.pstate).toBe(0x40_03c5n);
  expect(takeDataAbort({ ...cpu, sctlr: 1n << 23n }, ABORT).pstate).toBe(0x3c5n);
});
