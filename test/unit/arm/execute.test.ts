import { describe, expect, test } from 'vitest';
import { decode } from '../../../src/arm/decode.ts';
import { plan, type Registers, type Surroundings } from '../../../src/arm/execute.ts';
import { formatInstruction } from '../../../src/arm/instruction.ts';
import { seededRandom } from '../../../src/base/seeded-random.ts';

class FakeCpu implements Registers {
  readonly x = Array.from({ length: 31 }, (_, n) => BigInt(n) * 0x0101_0101_0101_0101n);
  readonly v = Array.from({ length: 32 }, (_, n) => Uint8Array.from({ length: 16 }, (_, byte) => n * 4 + byte));
  sp = 0x2000n;
  getX = (n: number) => (n === 31 ? 0n : this.x[n]!);
  setX = (n: number, value: bigint) => {
    if (n !== 31) this.x[n] = value;
  };
  getV = (n: number) => this.v[n]!;
  setV = (n: number, bytes: Uint8Array) => {
    this.v[n] = Uint8Array.from(bytes);
  };
}

const BYTES = Uint8Array.from({ length: 65536 }, (_, n) => n ^ (n >> 8));

/** 64 KiB of bytes that say where they lie; addresses from 0xf000 on are not mapped. */
class FakeWorld implements Surroundings {
  readonly level = 1;
  isBigEndian = false;
  readonly zeroBlockBytes = 64;
  readonly bytes = new DataView(BYTES.slice().buffer);
  readonly log: string[] = [];
  translate = (virtual: bigint) =>
    virtual < 0xf000n
      ? ({ kind: 'mapped', address: Number(virtual) } as const)
      : ({ kind: 'fault', status: 7 } as const);
  read = (address: number, size: number) => {
    this.log.push(`r${size}@${address.toString(16)}`);
    let value = 0n;
    for (let i = 0; i < size; i++) value |= BigInt(this.bytes.getUint8(address + i)) << BigInt(8 * i);
    return value;
  };
  write = (address: number, size: number, value: bigint) => {
    this.log.push(`w${size}@${address.toString(16)}`);
    for (let i = 0; i < size; i++) this.bytes.setUint8(address + i, Number((value >> BigInt(8 * i)) & 0xffn));
  };
}

function run(word: number, prepare: (cpu: FakeCpu) => void = () => {}, isBigEndian = false) {
  const cpu = new FakeCpu();
  const world = new FakeWorld();
  world.isBigEndian = isBigEndian;
  prepare(cpu);
  const planned = plan(decode(word) as Parameters<typeof plan>[0], cpu, world);
  if (planned.kind === 'plan') planned.plan.run();
  return { cpu, log: world.log.join(' '), bytes: world.bytes, planned };
}
const at = (base: number) => (cpu: FakeCpu) => {
  cpu.x[1] = BigInt(base);
};

test('decode, plan: no word and no register makes them throw', () => {
  const random = seededRandom(7);
  const word = () => random(2 ** 16) * 2 ** 16 + random(2 ** 16);
  const world = new FakeWorld();
  let planned = 0;
  for (let round = 0; round < 100_000; round++) {
    // Half of all words are drawn from the loads and stores (op0 = x1x0).
    const drawn = round % 2 === 0 ? word() : ((word() & ~0x0a00_0000) | 0x0800_0000) >>> 0;
    const instruction = decode(drawn);
    if (instruction === undefined) continue;
    expect(formatInstruction(instruction)).not.toContain('undefined');
    if (instruction.kind === 'atomic') continue;
    const cpu = new FakeCpu();
    for (let n = 0; n < 31; n++) cpu.x[n] = BigInt(random(2) ? random(0x10000) : word()) << BigInt(random(33));
    const result = plan(instruction, cpu, world);
    if (result.kind === 'plan') result.plan.run();
    planned++;
  }
  expect(planned).toBeGreaterThan(10_000);
});

describe('plan', () => {
  test('a pair: two accesses in order, and the base moves', () => {
    const { cpu, log } = run(0x29808c22, at(0x100)); // stp w2, w3, [x1, #4]!
    expect(log).toBe('w4@104 w4@108');
    expect(cpu.x[1]).toBe(0x104n);
  });

  test('a base among what is loaded is read before it changes', () => {
    const { cpu } = run(0xa9400c21, at(0x100)); // ldp x1, x3, [x1]
    expect(cpu.x[1]).toBe(0x0607_0405_0203_0001n);
    expect(cpu.x[3]).toBe(0x0e0f_0c0d_0a0b_0809n);
  });

  test('what lies across words is cut where it is aligned', () => {
    expect(run(0xf8008422, at(0x101)).log).toBe('w1@101 w2@102 w4@104 w1@108'); // str x2, [x1], #8
    expect(run(0x3d800022, at(0x104)).log).toBe('w4@104 w8@108 w4@110'); // str q2, [x1]
  });

  test('what device memory takes: each element aligned to itself, and no block', () => {
    const isAligned = (word: number, base: number) => {
      const { planned } = run(word, at(base));
      return planned.kind === 'plan' && planned.plan.isAligned;
    };
    expect([isAligned(0xf9000022, 0x108), isAligned(0xf9000022, 0x104)]).toEqual([true, false]); // str x2, [x1]
    expect([isAligned(0xa9000c22, 0x108), isAligned(0xa9000c22, 0x104)]).toEqual([true, false]); // stp x2, x3, [x1]
    expect([isAligned(0x3d800022, 0x110), isAligned(0x3d800022, 0x108)]).toEqual([true, false]); // str q2, [x1]
    expect([isAligned(0x4c007822, 0x104), isAligned(0x4c007822, 0x102)]).toEqual([true, false]); // st1 {v2.4s}, [x1]
    expect([isAligned(0x39000022, 0x103), isAligned(0xd50b7421, 0x140)]).toEqual([true, false]); // strb, dc zva
  });

  test('sign extension stops at the width of the register', () => {
    const negative = (word: number) => {
      const { cpu } = run(word, at(0x80)); // the byte there is 0x80
      return cpu.x[2];
    };
    expect(negative(0x38801422)).toBe(0xffff_ffff_ffff_ff80n); // ldrsb x2, [x1], #1
    expect(negative(0x38c01422)).toBe(0xffff_ff80n); // ldrsb w2, [x1], #1
    expect(negative(0x38401422)).toBe(0x80n); // ldrb w2, [x1], #1
  });

  test('a vector register that is loaded keeps nothing, one of which a lane is loaded keeps the others', () => {
    const whole = run(0xfc408422, at(0x100)).cpu.v[2]!; // ldr d2, [x1], #8
    expect([...whole.subarray(8)]).toEqual(Array(8).fill(0));
    const lane = run(0x0d404822, at(0x100)).cpu.v[2]!; // ld1 {v2.h}[1], [x1]
    expect([...lane.subarray(0, 6)]).toEqual([8, 9, 1, 0, 12, 13]);
  });

  test('one element to all lanes', () => {
    const { cpu, log } = run(0x4ddfc022, at(0x103)); // ld1r {v2.16b}, [x1], #1
    expect(log).toBe('r1@103');
    expect(new Set(cpu.v[2]).size).toBe(1);
    expect(cpu.x[1]).toBe(0x104n);
  });

  test('structures are taken apart', () => {
    const { cpu } = run(0x4c408022, at(0x100)); // ld2 {v2.16b, v3.16b}, [x1]
    expect([...cpu.v[2]!.subarray(0, 3)]).toEqual([1, 3, 5]);
    expect([...cpu.v[3]!.subarray(0, 3)]).toEqual([0, 2, 4]);
  });

  test('DC ZVA zeroes the block, whatever byte of it is named', () => {
    const { log, bytes } = run(0xd50b7421, at(0x17f));
    expect(log).toBe(Array.from({ length: 8 }, (_, n) => `w8@${(0x140 + 8 * n).toString(16)}`).join(' '));
    expect(bytes.getBigUint64(0x178, true)).toBe(0n);
    expect(bytes.getUint8(0x180)).not.toBe(0);
  });

  test('the highest byte first', () => {
    const { bytes } = run(0x29808c22, at(0x100), true); // stp w2, w3, [x1, #4]!
    expect(bytes.getUint32(0x104)).toBe(0x0202_0202);
    const { cpu } = run(0x78402422, at(0x100), true); // ldrh w2, [x1], #2
    expect(cpu.x[2]).toBe(0x0100n);
  });

  test('nothing happens when a part is not mapped', () => {
    const { log, planned, cpu } = run(0xa9000c22, at(0xeff8)); // stp x2, x3, [x1]
    expect(log).toBe('');
    expect(planned).toEqual({ kind: 'fault', virtual: 0xf000n, status: 7, isWrite: true });
    expect(cpu.x[1]).toBe(0xeff8n);
  });

  test('SP as base', () => {
    const { cpu, log } = run(0xa9be0fe2); // stp x2, x3, [sp, #-32]!
    expect(log).toBe('w8@1fe0 w8@1fe8');
    expect(cpu.sp).toBe(0x1fe0n);
  });

  test('an offset in a register: extended, then shifted', () => {
    const withIndex = (word: number, index: bigint) =>
      run(word, (cpu) => {
        cpu.x[1] = 0x1000n;
        cpu.x[3] = index;
      }).log;
    expect(withIndex(0xb823c822, 0xdead_beef_ffff_fffcn)).toBe('w4@ffc'); // str w2, [x1, w3, sxtw]
    expect(withIndex(0xb8235822, 0xdead_beef_0000_0010n)).toBe('w4@1040'); // str w2, [x1, w3, uxtw #2]
    expect(withIndex(0x3ca37822, 2n)).toBe('w8@1020 w8@1028'); // str q2, [x1, x3, lsl #4]
  });
});
