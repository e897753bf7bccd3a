import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/control/line-splitter.ts';
import {
  decodeMessage,
  decodeRequest,
  EVENT_KINDS,
  encodeLine,
  isResultOf,
  protocolSchema,
  REQUEST_KINDS,
} from '../../../src/control/protocol.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const decode = (text: string) => decodeRequest(bytes(text));

describe('decodeRequest', () => {
  it('reads every request there is, with and without an id', () => {
    for (const request of REQUEST_KINDS) {
      const words = request === 'device' ? { request, device: 'root', action: 'resize' } : { request };
      expect(decode(JSON.stringify({ id: 7, ...words }))).toEqual({ id: 7, ...words });
      expect(decode(JSON.stringify(words))).toEqual(words);
    }
    expect(decode('{"request":"events","only":["state","stopped"]}\r')).toEqual({
      request: 'events',
      only: ['state', 'stopped'],
    });
  });

  it.each([
    ['', null, 'bad-request', 'Cannot read the request: the line is not JSON'],
    ['{"id":1', null, 'bad-request', 'Cannot read the request: the line is not JSON'],
    ['[1]', null, 'bad-request', 'Cannot read the request: a line must hold one JSON object'],
    ['null', null, 'bad-request', 'Cannot read the request: a line must hold one JSON object'],
    ['{"id":1}', 1, 'bad-request', 'Cannot read the request: request must be one of status, pause'],
    ['{"id":"a","request":"pause"}', null, 'bad-request', 'Cannot read the request: id must be a whole number'],
    ['{"id":-1,"request":"pause"}', null, 'bad-request', 'id must be a whole number from 0 to 9007199254740991'],
    ['{"id":2,"request":"fly"}', 2, 'unknown-request', 'Cannot "fly": there are only status, pause'],
    ['{"id":2,"request":"constructor"}', 2, 'unknown-request', 'Cannot "constructor"'],
    ['{"id":2,"request":"__proto__"}', 2, 'unknown-request', 'Cannot "__proto__"'],
    ['{"id":3,"request":"pause","hard":true}', 3, 'bad-request', 'Cannot pause: "hard" is not known'],
    ['{"id":3,"request":"pause","__proto__":1}', 3, 'bad-request', 'Cannot pause: "__proto__" is not known'],
    ['{"id":5,"request":"device","device":"a"}', 5, 'bad-request', 'Cannot device: action is missing'],
    ['{"id":4,"request":"events","only":"state"}', 4, 'bad-request', 'Cannot events: only must be a list'],
    ['{"id":4,"request":"events","only":["x"]}', 4, 'bad-request', 'Cannot events: only[0] must be one of state, '],
  ])('answers %s', (line, id, code, error) => {
    const reply = decode(line);
    expect(reply).toMatchObject({ id, ok: false, code });
    expect((reply as { error: string }).error).toContain(error);
  });

  it('refuses what is not UTF-8, and survives the deepest line', () => {
    expect(decodeRequest(new Uint8Array([0x22, 0xff, 0x22]))).toMatchObject({
      error: expect.stringContaining('UTF-8'),
    });
    expect(decode('['.repeat(65536))).toMatchObject({ ok: false });
    expect(decode(`{"request":"pause","x":${'['.repeat(30000)}${']'.repeat(30000)}}`)).toMatchObject({ ok: false });
  });
});

describe('decodeMessage', () => {
  it('reads back what encodeLine wrote', () => {
    const event = { event: 'backend', atMs: 5, device: 'share', state: 'failed', reason: 'ends – “so”' } as const;
    expect(decodeMessage(encodeLine(event))).toEqual(event);
    const reply = { id: 1, ok: true } as const;
    expect(decodeMessage(encodeLine(reply))).toEqual(reply);
    const failure = { id: null, ok: false, code: 'refused', error: 'Cannot pause' } as const;
    expect(decodeMessage(encodeLine(failure))).toEqual(failure);
  });

  it('keeps fields that it does not know, and leaves out messages that it does not know', () => {
    expect(decodeMessage(bytes('{"event":"powerkey","atMs":1,"by":"signal","more":1}'))).toMatchObject({
      by: 'signal',
    });
    expect(decodeMessage(bytes('{"event":"eclipse","atMs":1}'))).toBeUndefined();
    expect(decodeMessage(bytes('{"event":"powerkey","atMs":1}'))).toBeUndefined();
    expect(decodeMessage(bytes('{"hello":1}'))).toBeUndefined();
    expect(decodeMessage(bytes('{"id":1,"ok":false}'))).toBeUndefined();
    expect(() => decodeMessage(bytes('HTTP/1.1 400 Bad Request'))).toThrow('the line is not JSON');
  });

  it('isResultOf tells whether a reply holds what the request promises', () => {
    expect(isResultOf('pause', { id: 1, ok: true })).toBe(true);
    expect(isResultOf('status', { id: 1, ok: true })).toBe(false);
  });
});

describe('protocolSchema', () => {
  it('has a schema of every request, reply and event, each with a description of its fields', () => {
    const { $defs } = protocolSchema() as { $defs: Record<string, Record<string, { properties: object }>> };
    expect(Object.keys($defs['requests']!)).toEqual(REQUEST_KINDS);
    expect(Object.keys($defs['replies']!)).toEqual(REQUEST_KINDS);
    expect(Object.keys($defs['events']!)).toEqual(EVENT_KINDS);
    expect($defs['requests']!['events']).toMatchObject({
      type: 'object',
      description: expect.stringContaining('Report events'),
      properties: { request: { const: 'events' }, id: { type: 'integer' }, only: { type: 'array' } },
      required: ['request'],
    });
    expect($defs['events']!['state']).toMatchObject({
      properties: { event: { const: 'state' }, from: { enum: ['created', 'running', 'paused', 'stopped'] } },
      required: ['event', 'atMs', 'from', 'to'],
    });
  });
});

describe('LineSplitter', () => {
  const lines = (splitter: LineSplitter) => {
    const found: string[] = [];
    for (let line = splitter.next(); line !== undefined; line = splitter.next()) {
      found.push(line === 'too-long' ? line : new TextDecoder().decode(line));
      if (line === 'too-long') break;
    }
    return found;
  };

  it('finds the same lines however the stream is cut', () => {
    const stream = bytes(
      `${Array.from({ length: 300 }, (_, index) => 'x'.repeat((index * 37) % 91)).join('\n')}\nrest`,
    );
    const whole = new LineSplitter(100);
    whole.push(stream);
    const expected = lines(whole);
    expect(expected).toHaveLength(300);
    for (const size of [1, 2, 7, 64, 4095, 4096, 4097]) {
      const splitter = new LineSplitter(100);
      const found: string[] = [];
      for (let at = 0; at < stream.length; at += size) {
        splitter.push(stream.subarray(at, at + size));
        found.push(...lines(splitter));
      }
      expect(found).toEqual(expected);
      expect(splitter.bufferedBytes).toBe(4);
    }
  });

  it('takes a line of the limit and refuses one byte more, with or without its end', () => {
    for (const end of ['', '\n']) {
      const splitter = new LineSplitter(10);
      splitter.push(bytes(`0123456789\n01234567890${end}`));
      expect(lines(splitter)).toEqual(['0123456789', 'too-long']);
    }
  });
});
