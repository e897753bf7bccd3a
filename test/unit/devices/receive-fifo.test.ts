import { expect, test } from 'vitest';
import { FIFO_ENTRIES, ReceiveFifo } from '../../../src/devices/receive-fifo.ts';

const OVERRUN = 0x800;

test('ReceiveFifo: first in, first out, over the end of its storage', () => {
  const fifo = new ReceiveFifo();
  fifo.depth = FIFO_ENTRIES;
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 11; i++) expect(fifo.push(round * 16 + i)).toBe(true);
    expect(fifo.count).toBe(11);
    for (let i = 0; i < 11; i++) expect(fifo.pop()).toBe(round * 16 + i);
    expect(fifo.isEmpty).toBe(true);
  }
});

test('ReceiveFifo: one entry while the FIFOs are disabled', () => {
  const fifo = new ReceiveFifo();
  expect(fifo.push(1)).toBe(true);
  expect(fifo.isFull).toBe(true);
  expect(fifo.push(2)).toBe(false);
  expect(fifo.pop()).toBe(1);
});

test('ReceiveFifo: full at 16, not at 15', () => {
  const fifo = new ReceiveFifo();
  fifo.depth = FIFO_ENTRIES;
  for (let i = 0; i < 15; i++) fifo.push(i);
  expect(fifo.isFull).toBe(false);
  fifo.push(15);
  expect(fifo.isFull).toBe(true);
});

test('§2.4.3 overrun bit: set in the next character that finds room, and only there', () => {
  const fifo = new ReceiveFifo();
  fifo.push(1);
  fifo.push(2);
  fifo.push(3);
  expect(fifo.pop()).toBe(1);
  fifo.push(4);
  expect(fifo.pop()).toBe(4 | OVERRUN);
  fifo.push(5);
  expect(fifo.pop()).toBe(5);
});

test('ReceiveFifo.clear: forgets entries and the overrun', () => {
  const fifo = new ReceiveFifo();
  fifo.push(1);
  fifo.push(2);
  fifo.clear();
  expect(fifo.isEmpty).toBe(true);
  fifo.push(3);
  expect(fifo.pop()).toBe(3);
});
