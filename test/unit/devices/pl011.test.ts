import { describe, expect, test } from 'vitest';
import type { AccessSize } from '../../../src/bus/mmio-device.ts';
import { CR, DR, FR, INT, LCR_H, Pl011, Reg } from '../../../src/devices/pl011.ts';
import { FakeLine } from '../../support/fake-line.ts';
import { random } from '../../support/random.ts';
import { SeenPage } from '../../support/seen-page.ts';

const CONNECTED = FR.CTS | FR.DSR | FR.DCD;
const EMPTY = CONNECTED | FR.TXFE | FR.RXFE;

function setUp({ fifos = false, onSpace = () => {} } = {}) {
  const line = new FakeLine();
  const output: number[] = [];
  const writes: number[] = [];
  const sink = {
    write: (bytes: Uint8Array) => {
      output.push(...bytes);
      writes.push(bytes.length);
    },
  };
  const uart = new Pl011(line, sink, onSpace);
  const read = (register: number) => uart.read(register, 4)!;
  const write = (register: number, value: number) => uart.write(register, 4, value);
  if (fifos) write(Reg.LCR_H, LCR_H.FEN);
  const receive = (...bytes: number[]) => uart.receive(Uint8Array.from(bytes));
  const receiveMany = (count: number) => uart.receive(Uint8Array.from({ length: count }, (_, i) => i));
  /** What a polling guest reads until the FIFO is empty. */
  const drain = () => {
    const values: number[] = [];
    while (!(read(Reg.FR) & FR.RXFE)) values.push(read(Reg.DR));
    return values;
  };
  return { uart, line, output, writes, read, write, receive, receiveMany, drain };
}

/** With a register page, and what the owner of the page was told. */
function setUpPage(options: Parameters<typeof setUp>[0] = {}) {
  const all = setUp(options);
  const told: boolean[] = [];
  const shared = new SeenPage((free) => told.push(free));
  const page = shared.seen;
  all.uart.attachPage(shared);
  return { ...all, page, told, peek: (register: number) => page.getUint32(register, true) };
}

describe('Pl011 registers', () => {
  test('§3.2 table 3-1: reset values', () => {
    const { read } = setUp();
    const reset: Partial<Record<keyof typeof Reg, number>> = { FR: EMPTY, CR: 0x300, IFLS: 0x12 };
    for (const [name, offset] of Object.entries(Reg))
      expect(read(offset), name).toBe(reset[name as keyof typeof Reg] ?? 0);
  });

  test('§3.3.4–14: writable registers keep the bits that exist', () => {
    const { read, write } = setUp();
    const masks = {
      [Reg.ILPR]: 0xff,
      [Reg.IBRD]: 0xffff,
      [Reg.FBRD]: 0x3f,
      [Reg.LCR_H]: 0xff,
      [Reg.CR]: 0xff87,
      [Reg.IFLS]: 0x3f,
      [Reg.IMSC]: 0x7ff,
      [Reg.DMACR]: 0x7,
    };
    for (const [register, mask] of Object.entries(masks)) {
      write(Number(register), 0xffff_ffff);
      expect(read(Number(register)), register).toBe(mask);
      write(Number(register), 0);
      expect(read(Number(register)), register).toBe(0);
    }
  });

  test('read-only registers do not change, and there is nothing beyond the table', () => {
    const { uart, read, write } = setUp();
    for (const register of [Reg.FR, Reg.RIS, Reg.MIS]) {
      const before = read(register);
      write(register, ~before >>> 0);
      expect(read(register)).toBe(before);
    }
    expect(uart.read(0x04c, 4)).toBeUndefined();
    expect(uart.write(0x00c, 4, 1)).toBe(false);
  });

  test('reset: as new, line low, output kept, input gone', () => {
    const { uart, line, output, read, write, receive } = setUp({ fifos: true });
    write(Reg.IMSC, 0x7ff);
    write(Reg.IBRD, 5);
    write(Reg.DR, 65);
    receive(1, 2, 3);
    expect(line.level).toBe(true);
    uart.reset();
    expect([line.level, output]).toEqual([false, [65]]);
    const fresh = setUp();
    for (const register of Object.values(Reg)) expect(read(register)).toBe(fresh.read(register));
    receive(9, 8);
    expect([read(Reg.DR), read(Reg.FR)]).toEqual([9, EMPTY]);
  });
});

describe('Pl011 transmission', () => {
  test('§3.3.1 UARTDR: bytes leave in order, at flush, in one piece, also before the guest set anything up', () => {
    const { uart, output, writes, write } = setUp();
    for (const value of [0x48, 0x1_69, 0]) write(Reg.DR, value);
    uart.write(Reg.DR, 1, 0x21);
    uart.writeData(0x0a);
    expect(output).toEqual([]);
    uart.flush();
    uart.flush();
    expect(output).toEqual([0x48, 0x69, 0, 0x21, 0x0a]);
    expect(writes).toEqual([5]);
  });

  test('flush: nothing is lost when the buffer fills', () => {
    const { uart, output } = setUp();
    for (let i = 0; i < 10_000; i++) uart.writeData(i % 251);
    uart.flush();
    expect(output).toEqual(Array.from({ length: 10_000 }, (_, i) => i % 251));
  });

  test('§3.3.3 UARTFR: the transmitter is always empty, never full or busy', () => {
    const { read, write } = setUp({ fifos: true });
    for (let i = 0; i < 40; i++) {
      write(Reg.DR, i);
      expect(read(Reg.FR)).toBe(EMPTY);
    }
  });

  test('§2.8.3 UARTTXINTR: not set by enabling, set as a character leaves, cleared by ICR, set again', () => {
    const { line, read, write } = setUp({ fifos: true });
    write(Reg.IMSC, INT.TX);
    write(Reg.CR, 0x301);
    expect([read(Reg.RIS), line.level]).toEqual([0, false]);
    write(Reg.DR, 65);
    expect([read(Reg.RIS), read(Reg.MIS), line.level]).toEqual([INT.TX, INT.TX, true]);
    write(Reg.ICR, INT.TX);
    expect([read(Reg.RIS), line.level]).toEqual([0, false]);
    write(Reg.DR, 66);
    expect(line.level).toBe(true);
  });

  test('§3.3.10–13 mask: raw status is not masked, the line is', () => {
    const { line, read, write } = setUp();
    write(Reg.DR, 65);
    expect([read(Reg.RIS), read(Reg.MIS), line.level]).toEqual([INT.TX, 0, false]);
    write(Reg.IMSC, INT.TX);
    expect([read(Reg.MIS), line.level]).toEqual([INT.TX, true]);
    write(Reg.IMSC, 0);
    expect([read(Reg.RIS), read(Reg.MIS), line.level]).toEqual([INT.TX, 0, false]);
  });
});

describe('Pl011 reception', () => {
  test('§3.3.7 FEN: one character without FIFOs, 16 with', () => {
    const single = setUp();
    expect(single.receiveMany(20)).toBe(1);
    expect(single.read(Reg.FR)).toBe(CONNECTED | FR.TXFE | FR.RXFF);
    expect(single.drain()).toEqual([0]);
    const many = setUp({ fifos: true });
    expect(many.receiveMany(15)).toBe(15);
    expect(many.read(Reg.FR)).toBe(CONNECTED | FR.TXFE);
    expect(many.receiveMany(20)).toBe(1);
    expect(many.read(Reg.FR)).toBe(CONNECTED | FR.TXFE | FR.RXFF);
    expect(many.receiveMany(1)).toBe(0);
    expect(many.drain()).toEqual([...Array(15).keys(), 0]);
    expect(many.read(Reg.FR)).toBe(EMPTY);
  });

  test('§3.3.1 UARTDR: an empty FIFO reads 0 and changes nothing', () => {
    const { read, receive } = setUp({ fifos: true });
    expect(read(Reg.DR)).toBe(0);
    receive(7);
    expect([read(Reg.DR), read(Reg.DR), read(Reg.FR)]).toEqual([7, 0, EMPTY]);
  });

  test('§3.3.1 UARTDR: reads of 1 and 2 bytes take one character each', () => {
    const { uart, receive } = setUp({ fifos: true });
    receive(1, 2, 3);
    expect([uart.read(Reg.DR, 1), uart.read(Reg.DR, 2), uart.read(Reg.DR, 4)]).toEqual([1, 2, 3]);
  });

  test.each([
    [0b000, 2],
    [0b001, 4],
    [0b010, 8],
    [0b011, 12],
    [0b100, 14],
  ])('§3.3.9 RXIFLSEL %i: the interrupt comes with character %i and goes below', (select, level) => {
    const { line, read, write, receive } = setUp({ fifos: true });
    write(Reg.IFLS, select << 3);
    write(Reg.IMSC, INT.RX);
    for (let i = 1; i <= 16; i++) {
      receive(i);
      expect(line.level, `${i} received`).toBe(i >= level);
    }
    for (let left = 15; left >= 0; left--) {
      read(Reg.DR);
      expect(line.level, `${left} left`).toBe(left >= level);
    }
  });

  test('§2.8.2 UARTRXINTR: without FIFOs, with each character', () => {
    const { line, read, write, receive } = setUp();
    write(Reg.IMSC, INT.RX);
    for (const byte of [1, 2]) {
      receive(byte);
      expect(line.level).toBe(true);
      expect(read(Reg.DR)).toBe(byte);
      expect(line.level).toBe(false);
    }
  });

  test('§2.8.2 UARTRXINTR: cleared by ICR although the level stays, and comes back through the level only', () => {
    const { line, read, write, receiveMany } = setUp({ fifos: true });
    write(Reg.IMSC, INT.RX);
    receiveMany(8);
    write(Reg.ICR, INT.RX);
    receiveMany(1);
    expect(line.level).toBe(false);
    read(Reg.DR);
    read(Reg.DR);
    receiveMany(1);
    expect(line.level).toBe(true);
  });

  test('§2.8.4 UARTRTINTR: characters below the level and then silence; goes when all are read', () => {
    const { line, read, write, receive } = setUp({ fifos: true });
    write(Reg.IMSC, INT.RT | INT.RX);
    receive(1, 2);
    expect([read(Reg.MIS), line.level]).toEqual([INT.RT, true]);
    read(Reg.DR);
    expect(line.level).toBe(true);
    read(Reg.DR);
    expect([read(Reg.RIS), line.level]).toEqual([0, false]);
  });

  test('§2.8.4 UARTRTINTR: cleared by ICR; a guest that takes one character per interrupt gets them all', () => {
    const { line, read, write, receive } = setUp({ fifos: true });
    write(Reg.IMSC, INT.RT);
    receive(1, 2, 3);
    const taken: number[] = [];
    while (line.level) {
      write(Reg.ICR, INT.RT);
      taken.push(read(Reg.DR));
    }
    expect(taken).toEqual([1, 2, 3]);
  });

  test('§3.3.7 FEN: disabling the FIFOs empties them, enabling keeps the holding register', () => {
    const { read, write, receive, receiveMany, drain } = setUp();
    receive(5);
    write(Reg.LCR_H, LCR_H.FEN);
    expect(drain()).toEqual([5]);
    receiveMany(10);
    write(Reg.LCR_H, LCR_H.FEN | 0x60);
    expect(read(Reg.FR) & FR.RXFE).toBe(0);
    write(Reg.LCR_H, 0x60);
    expect([read(Reg.FR), read(Reg.RIS)]).toEqual([EMPTY, 0]);
  });

  test('receiveBreak: a 0 with the break bit, its interrupt, and RSR as of the character read (§3.3.1–2)', () => {
    const { uart, line, read, write, receive } = setUp({ fifos: true });
    write(Reg.IMSC, INT.BE);
    receive(65);
    uart.receiveBreak();
    receive(66);
    expect([read(Reg.RIS) & INT.BE, line.level]).toEqual([INT.BE, true]);
    expect([read(Reg.DR), read(Reg.RSR)]).toEqual([65, 0]);
    expect([read(Reg.DR), read(Reg.RSR)]).toEqual([DR.BE, 4]);
    expect([read(Reg.DR), read(Reg.RSR)]).toEqual([66, 0]);
    write(Reg.ICR, INT.BE);
    expect(line.level).toBe(false);
  });

  test('§3.3.2 overrun: at once in RSR and RIS, sticky in RSR until ECR, then in the next character', () => {
    const { uart, read, write, receive, receiveMany } = setUp({ fifos: true });
    receiveMany(16);
    uart.receiveBreak();
    expect([read(Reg.RSR), read(Reg.RIS) & INT.OE]).toEqual([8, INT.OE]);
    expect([read(Reg.DR), read(Reg.RSR)]).toEqual([0, 8]);
    write(Reg.RSR, 0);
    expect(read(Reg.RSR)).toBe(0);
    receive(77);
    for (let i = 1; i < 16; i++) expect(read(Reg.DR)).toBe(i);
    expect(read(Reg.DR)).toBe(77 | DR.OE);
    write(Reg.ICR, 0x7ff);
    expect(read(Reg.RIS)).toBe(0);
  });
});

describe('Pl011 sender', () => {
  /** A sender with a whole paste, as the console has one: gives what fits, the rest when called back. */
  function paste(bytes: Uint8Array, fifos: boolean) {
    let sent = 0;
    let calls = 0;
    const send = () => {
      calls++;
      sent += all.uart.receive(bytes.subarray(sent));
    };
    const all = setUp({ fifos, onSpace: send });
    return { ...all, send, calls: () => calls };
  }
  const bytes = Uint8Array.from({ length: 64 * 1024 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

  test.each([true, false])('onSpace: 64 KiB arrive intact at a guest that polls, FIFOs %s', (fifos) => {
    const { send, drain, calls } = paste(bytes, fifos);
    send();
    expect(Uint8Array.from(drain())).toEqual(bytes);
    expect(calls()).toBeLessThan(fifos ? bytes.length / 8 : bytes.length + 1);
  });

  test('onSpace: 64 KiB arrive intact at a guest that reads below the level per receive interrupt, the rest by timeout', () => {
    const { send, line, read, write } = paste(bytes, true);
    write(Reg.IMSC, INT.RX | INT.RT);
    send();
    const got: number[] = [];
    while (line.level) {
      const status = read(Reg.MIS);
      write(Reg.ICR, status);
      for (let i = 0; i < (status & INT.RX ? 9 : 1) && !(read(Reg.FR) & FR.RXFE); i++) got.push(read(Reg.DR));
    }
    expect(Uint8Array.from(got)).toEqual(bytes);
  });

  test('onSpace: only after receive turned something away, once per promise', () => {
    let calls = 0;
    const { receiveMany, drain } = setUp({ fifos: true, onSpace: () => calls++ });
    receiveMany(16);
    drain();
    expect(calls).toBe(0);
    receiveMany(17);
    drain();
    drain();
    expect(calls).toBe(1);
  });

  test('onSpace: after FEN has changed, and after a reset', () => {
    let calls = 0;
    const { uart, write, receiveMany } = setUp({ onSpace: () => calls++ });
    receiveMany(2);
    write(Reg.LCR_H, LCR_H.FEN);
    expect(calls).toBe(1);
    receiveMany(20);
    uart.reset();
    expect(calls).toBe(2);
  });
});

describe('Pl011 loopback (§3.3.8, LBE)', () => {
  test('what is sent is received, and past the FIFO it overruns', () => {
    const { read, write, drain } = setUp({ fifos: true });
    write(Reg.CR, CR.LBE);
    for (let i = 0; i < 18; i++) write(Reg.DR, 0x40 + i);
    expect(read(Reg.RIS) & (INT.OE | INT.RX | INT.RT | INT.TX)).toBe(INT.OE | INT.RX | INT.RT | INT.TX);
    expect(drain()).toEqual(Array.from({ length: 16 }, (_, i) => 0x40 + i));
  });

  test('input from outside waits until loopback ends', () => {
    let calls = 0;
    const { write, receive, drain } = setUp({ fifos: true, onSpace: () => calls++ });
    write(Reg.CR, CR.LBE);
    expect(receive(1)).toBe(0);
    write(Reg.CR, 0);
    expect(calls).toBe(1);
    expect(receive(1)).toBe(1);
    expect(drain()).toEqual([1]);
  });

  test('modem outputs are the inputs, changes interrupt, and the real inputs come back', () => {
    const { read, write } = setUp();
    const modem = () => read(Reg.FR) & (CONNECTED | FR.RI);
    write(Reg.CR, CR.LBE);
    expect([modem(), read(Reg.RIS)]).toEqual([0, INT.CTS | INT.DSR | INT.DCD]);
    write(Reg.ICR, 0x7ff);
    for (const [output, input, interrupt] of [
      [CR.RTS, FR.CTS, INT.CTS],
      [CR.DTR, FR.DSR, INT.DSR],
      [CR.OUT1, FR.DCD, INT.DCD],
      [CR.OUT2, FR.RI, INT.RI],
    ] as const) {
      write(Reg.CR, CR.LBE | output);
      expect([modem(), read(Reg.RIS)]).toEqual([input, interrupt]);
      write(Reg.CR, CR.LBE);
      write(Reg.ICR, 0x7ff);
    }
    write(Reg.CR, 0x300);
    expect(modem()).toBe(CONNECTED);
  });

  test('a break that is sent is received', () => {
    const { read, write } = setUp();
    write(Reg.CR, CR.LBE);
    write(Reg.LCR_H, LCR_H.BRK);
    expect(read(Reg.RIS) & INT.BE).toBe(INT.BE);
    expect(read(Reg.DR)).toBe(DR.BE);
  });
});

describe('Pl011 register page', () => {
  test('attachPage: holds every register, the identification too', () => {
    const { uart, peek, told } = setUpPage();
    for (let offset = 0; offset < 4096; offset += 4) expect(peek(offset), `${offset}`).toBe(uart.read(offset, 4) ?? 0);
    expect(peek(0xff0)).toBe(0x0d);
    expect(told).toEqual([]);
  });

  test('readable: false before the first character can be seen, true after the last is read', () => {
    const all = setUp({ fifos: true });
    const story: string[] = [];
    const page = new SeenPage((free) =>
      story.push(`${free} RXFE=${page.seen.getUint32(Reg.FR, true) & FR.RXFE ? 1 : 0}`),
    );
    all.uart.attachPage(page);
    all.receive(1, 2);
    all.receive(3);
    expect(story).toEqual(['false RXFE=1']);
    all.drain();
    expect(story).toEqual(['false RXFE=1', 'true RXFE=1']);
    all.receive(4);
    all.uart.reset();
    expect(story.slice(2)).toEqual(['false RXFE=1', 'true RXFE=1']);
  });

  test('readable: stays false while a paste refills the FIFO', () => {
    let left = 100;
    const all = setUpPage({ fifos: true, onSpace: () => feed() });
    const feed = () => {
      left -= all.uart.receive(new Uint8Array(left));
    };
    feed();
    all.drain();
    expect([left, all.told]).toEqual([0, [false, true]]);
  });

  test('attachPage: a new page while characters wait is withdrawn at once', () => {
    const { uart, receive } = setUp();
    receive(1);
    const told: boolean[] = [];
    uart.attachPage(new SeenPage((free) => told.push(free)));
    expect(told).toEqual([false]);
  });

  test('the page is right before the line rises', () => {
    const page = new SeenPage();
    const seen: number[] = [];
    const line = {
      raise: () => seen.push(page.seen.getUint32(Reg.MIS, true), page.seen.getUint32(Reg.FR, true)),
      lower: () => {},
    };
    const uart = new Pl011(line, { write: () => {} });
    uart.attachPage(page);
    uart.write(Reg.IMSC, 4, INT.RX);
    uart.receive(Uint8Array.of(1));
    expect(seen).toEqual([INT.RX, CONNECTED | FR.TXFE | FR.RXFF]);
  });

  test('property: after any accesses the page equals what reads without effect return', () => {
    const { seed, below, pick } = random();
    const { uart, page, told, line, output, write, receive } = setUpPage();
    const registers = [...Object.values(Reg), 0x08, 0x4c, 0xfe0, 0xffc, 0x1000];
    let sent = 0;
    for (let round = 0; round < 20_000; round++) {
      const context = `seed ${seed}, round ${round}`;
      const size = pick<AccessSize>([1, 2, 4]);
      const action = below(100);
      if (action < 50) {
        // Mostly aligned, anywhere now and then; all bits, or a single one.
        const offset = pick(registers) + (below(8) === 0 ? below(4) : 0);
        if (offset === Reg.DR) sent++;
        uart.write(offset, size, below(2) ? below(2 ** (8 * size)) : 2 ** below(8 * size));
      } else if (action < 70) uart.read(pick(registers) + below(4), size);
      else if (action < 90) receive(...Array(below(20)).keys());
      else if (action < 93) uart.receiveBreak();
      else if (action < 94) uart.reset();
      else if (action < 96) write(Reg.LCR_H, LCR_H.FEN);
      else if (action < 98) write(Reg.ICR, 0x7ff);
      else uart.flush();
      const isEmpty = (page.getUint32(Reg.FR, true) & FR.RXFE) !== 0;
      if ((told.at(-1) ?? true) !== isEmpty) expect.fail(`${context}: readable is not ${isEmpty}`);
      if (line.level !== (page.getUint32(Reg.MIS, true) !== 0)) expect.fail(`${context}: line and MIS differ`);
      for (const register of registers) {
        if (register === 0x1000 || (register === Reg.DR && !isEmpty)) continue;
        const value = uart.read(register, 4) ?? 0;
        if (page.getUint32(register, true) !== value) expect.fail(`${context}: register ${register} is ${value}`);
      }
      const offset = 4 + below(4092 - 3);
      if (page.getUint16(offset, true) !== (uart.read(offset, 2) ?? 0)) expect.fail(`${context}: bytes at ${offset}`);
    }
    uart.flush();
    expect(output.length).toBe(sent);
  });
});
