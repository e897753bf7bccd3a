/** src/host and src/kvm on real Arm kernels, by support/kvm-checks.ts: all that no unit test on another machine can run. */
import { describe, expect, test } from 'vitest';
import { type HostName, hasHost, host } from '../support/nested-host.ts';
import { bundleFor } from './support/bundle.ts';

/** Less would mean that the program ended early. */
const CHECK_COUNT = 16;

const HOSTS: readonly { name: HostName; gic: 2 | 3 }[] = [
  { name: 'main', gic: 3 },
  { name: 'pi4', gic: 2 },
  { name: '16k', gic: 3 },
];

describe.each(HOSTS)('on the host $name', ({ name, gic }) => {
  test.skipIf(!hasHost(name))('every check passes', { timeout: 1_800_000 }, async () => {
    const arm = await host(name);
    const program = await bundleFor(arm, 'kvm-checks');
    const { stdout, exitCode, stderr } = await arm.run(`node ${program} ${gic}`, { timeoutMs: 300_000 });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => !line.startsWith('PASS '))).toEqual([]);
    expect(lines).toHaveLength(CHECK_COUNT);
    expect([exitCode, stderr]).toEqual([0, '']);
  });
});
