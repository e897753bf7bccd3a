/** The options of `orko-vmm backend`: the keys of a config, less those of the VM. */
import { expect, test } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import {
  EXPORTED_TYPES,
  type ExportedTypeName,
  exportedKeys,
  readExported,
} from '../../../src/config/exported-types.ts';
import { readSet } from '../../../src/config/yaml.ts';

const readFrom = (type: ExportedTypeName, options: Readonly<Record<string, string>>) => {
  const values = new Map(Object.entries(options).map(([key, value]) => [key, readSet(value)]));
  return readExported(type, 'dev', values, (path) => `/here/${path}`);
};

test.each(Object.keys(EXPORTED_TYPES) as ExportedTypeName[])(
  '%s: what is the business of the VM is no option',
  (type) => {
    const keys = Object.keys(exportedKeys(type));
    expect(keys).toContain('queue-size');
    for (const key of ['iothread', 'interrupt', 'children', 'backend']) expect(keys).not.toContain(key);
  },
);

test('readExported: as a config would be read, defaults and all', () => {
  expect(readFrom('blk', { path: 'a.img', readonly: 'true', 'rate-limit': '{ bytes-per-second: 4K }' })).toMatchObject({
    ...{ type: 'blk', path: '/here/a.img', readonly: true, queues: 1, queueSize: 256 },
    rateLimit: { bytesPerSecond: 4096, requestsPerSecond: 0 },
  });
});

test('readExported: a card has an address of its own', () => {
  expect(readFrom('net', {})).toMatchObject({ mac: expect.stringMatching(/^02:|^.[26ae]:/) });
  expect(readFrom('net', { mac: '52:54:00:12:34:56' })).toMatchObject({ mac: '52:54:00:12:34:56' });
});

test.each<[ExportedTypeName, Record<string, string>, string]>([
  ['blk', {}, 'path'],
  ['rng', { path: 'x' }, 'path'],
  ['vsock', { path: 'x', cid: '2' }, 'cid'],
  ['net', { queues: '65' }, 'queues'],
])('readExported: %s with %j is refused, and the key named', (type, options, key) => {
  try {
    readFrom(type, options);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).keyPath).toBe(key);
    return;
  }
  throw new Error('It was not refused');
});
