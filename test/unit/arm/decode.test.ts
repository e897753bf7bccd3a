import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decode } from '../../../src/arm/decode.ts';
import { formatInstruction } from '../../../src/arm/instruction.ts';
import { seededRandom } from '../../../src/base/seeded-random.ts';

const OBJDUMP = ['aarch64-linux-gnu-objdump', 'objdump'].find((name) => {
  try {
    return /aarch64/.test(execFileSync(name, ['--info'], { encoding: 'utf8' }));
  } catch {
    return false;
  }
});
const WORDS_PER_CLASS = 4000;

/** What binutils knows and we leave to the report: prefetches, tags, system instructions, and what has no defined outcome: */
const LEFT_OUT = /^(?:prfm|prfum|stgp|sys)\b|^ldn?p(?:sw)? [wxsdq](\w+), [wxsdq]\1,/;
/** … a base that moves and is data too. */
const OVERWRITTEN = /\b[wx](\d+),.*\[x\1(?:\]|, #-?\d+\]!)/;
const isLeftOut = (text: string) => LEFT_OUT.test(text) || OVERWRITTEN.test(text);

/** Fixed bits of each encoding class; the others are drawn. */
const CLASSES: readonly (readonly [string, number, number])[] = [
  ['pairs', 0x3a00_0000, 0x2800_0000],
  ['unsigned immediate', 0x3b00_0000, 0x3900_0000],
  ['unscaled, indexed, unprivileged', 0x3b20_0000, 0x3800_0000],
  ['register offset', 0x3b20_0c00, 0x3820_0800],
  ['multiple structures', 0xbfbf_0000, 0x0c00_0000],
  ['multiple structures, post-index', 0xbfa0_0000, 0x0c80_0000],
  ['one structure', 0xbf9f_0000, 0x0d00_0000],
  ['one structure, post-index', 0xbf80_0000, 0x0d80_0000],
  ['exclusives', 0x3f80_0000, 0x0800_0000],
  ['acquire and release', 0x3fbf_7c00, 0x089f_7c00],
  ['compare and swap', 0x3fa0_7c00, 0x08a0_7c00],
  ['atomics', 0x3f20_8c00, 0x3820_0000],
  ['swaps', 0x3f20_fc00, 0x3820_8000],
  ['cache operations', 0xffff_f0e0, 0xd50b_7020],
];

/** What binutils says of each word, with one blank between words; undefined where it knows nothing. */
function disassemble(words: Uint32Array, style: string): (string | undefined)[] {
  const directory = mkdtempSync(join(tmpdir(), 'orko-decode-'));
  try {
    writeFileSync(join(directory, 'words'), words);
    const options = ['-D', '-b', 'binary', '-m', 'aarch64', '-M', style, '-z', join(directory, 'words')];
    const text = execFileSync(OBJDUMP!, options, { encoding: 'utf8', maxBuffer: 1 << 28 });
    return [...text.matchAll(/^ *[0-9a-f]+:\t[0-9a-f]{8} \t(.*)$/gm)].map(([, line]) => {
      if (line!.startsWith('.inst')) return undefined;
      return line!.replace(/\s+/g, ' ').trim();
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe.skipIf(OBJDUMP === undefined)('decode, compared with what binutils reads', () => {
  test.each(CLASSES)('%s', (name, mask, value) => {
    const random = seededRandom(value);
    const words = Uint32Array.from(
      { length: WORDS_PER_CLASS },
      () => (((random(2 ** 16) * 2 ** 16 + random(2 ** 16)) & ~mask) | value) >>> 0,
    );
    // DC is an alias of SYS; the others are not to become STADD and its like.
    const expected = disassemble(words, name === 'cache operations' ? 'aliases' : 'no-aliases');
    expect(expected).toHaveLength(words.length);
    const wrong: string[] = [];
    let decoded = 0;
    words.forEach((word, index) => {
      const instruction = decode(word);
      const ours = instruction && formatInstruction(instruction);
      if (ours !== undefined) decoded++;
      const theirs = expected[index];
      if (ours !== theirs && !(ours === undefined && isLeftOut(theirs!))) {
        // The architecture has this one only from 8.5 on, and binutils wants to be told.
        if (ours?.startsWith('dc cvadp')) return;
        wrong.push(`${word.toString(16)}: ${ours}, not ${theirs}`);
      }
    });
    expect(wrong.slice(0, 20)).toEqual([]);
    expect(decoded).toBeGreaterThan(100);
  });
});
