/** `orko-vmm probe` as a program: what it prints, and how it ends. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../../..');
const NODE = resolve(ROOT, 'node_modules/.bin/node');
const backEnd = (flaw: string) => `${NODE} ${resolve(ROOT, 'test/support/back-end-process.ts')} {socket} ${flaw}`;

function probe(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(NODE, [resolve(ROOT, 'src/main.ts'), 'probe', ...words], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('orko-vmm probe', () => {
  test('a back-end whose type cannot be told: what it could be, and what it offers, by name', () => {
    const { status, stdout } = probe('--json', '--command', backEnd('none'));
    expect(status).toBe(0);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ type: null, queues: 1, memoryRegions: 32, config: null });
    expect(found.features).toEqual({
      mask: '0x170000000',
      names: [
        ...['VIRTIO_RING_F_INDIRECT_DESC', 'VIRTIO_RING_F_EVENT_IDX'],
        ...['VHOST_USER_F_PROTOCOL_FEATURES', 'VIRTIO_F_VERSION_1'],
      ],
    });
    expect(found.couldBe.length).toBeGreaterThan(1);
  });

  test('one whose type is said, for people', () => {
    const { status, stdout } = probe('--type', 'spi', '--command', backEnd('none'));
    expect(status).toBe(20);
    expect(stdout).toMatch(/^type +spi \(VIRTIO_ID_SPI\)\n/);
    expect(stdout).toMatch(/findings +.*\n?.*ERROR +It does not show its config space of 32 bytes: it gives 8 bytes/);
  });

  test('one that speaks only the legacy interface', () => {
    const { status, stdout } = probe('--command', backEnd('legacy'));
    expect(status).toBe(20);
    expect(stdout).toContain('ERROR  It does not offer VIRTIO_F_VERSION_1');
  });

  test.each([
    [['/nonexistent/x.sock'], 69, /^orko-vmm: Cannot connect to the socket .*: No such file or directory/],
    [['--command', 'false {socket}'], 69, /orko-vmm: Cannot start false: false has ended with exit code 1\n$/],
    [[], 64, /^orko-vmm: Name the socket of a back-end, or --command to start one/],
    [['--type', 'toaster', '/x'], 64, /^orko-vmm: There is no type toaster: choose one of blk, /],
    [['--timeout-s', '-1', '/x'], 64, /--timeout-s -1 is none: write seconds/],
  ])('%s: one sentence', (words, code, message) => {
    const { status, stderr } = probe(...words);
    expect(stderr).toMatch(message);
    expect(status).toBe(code);
  });
});
