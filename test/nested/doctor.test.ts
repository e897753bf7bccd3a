/** `orko-vmm doctor` and `check` against real KVMs: what they say is what the host has, and what `run` would meet. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { HostReport } from '../../src/doctor/doctor.ts';
import { isArmHost } from '../support/environment.ts';
import { hasHost, host, type NestedHost } from '../support/nested-host.ts';

/** A raw binary needs no header, so these bytes are a kernel as far as `check` can know. */
const KERNEL_BYTES = 4096;
const KVM_GROUP = 1001;
const UNPRIVILEGED = 1000;

async function report(arm: NestedHost): Promise<Record<string, string>> {
  const { stdout, exitCode } = await arm.run('orko-vmm doctor --json');
  const { canRun, findings } = JSON.parse(stdout) as HostReport;
  expect([canRun, exitCode]).toEqual([true, 0]);
  return Object.fromEntries(findings.map(({ id, value }) => [id, value]));
}

/** A config in the scratch folder; `check(…)` gives its exit code and lines. */
async function prepareCheck(arm: NestedHost) {
  const file = join(arm.directory, 'doctor.yaml');
  await writeFile(join(arm.directory, 'doctor.bin'), new Uint8Array(KERNEL_BYTES));
  await writeFile(file, 'kernel: { image: doctor.bin, format: raw }\nmemory: 64M\n');
  return async (...sets: string[]) => {
    const words = sets.map((set) => `--set '${set}'`).join(' ');
    const { exitCode, stdout } = await arm.run(`orko-vmm check ${file} ${words}`);
    return { exitCode, lines: stdout.split('\n').slice(0, -1) };
  };
}

describe.skipIf(isArmHost())('on the main Arm host', () => {
  let l1: NestedHost;
  let check: Awaited<ReturnType<typeof prepareCheck>>;
  beforeAll(async () => {
    l1 = await host('main');
    check = await prepareCheck(l1);
  });

  test('doctor: finds what QEMU gives the host', async () => {
    expect(await report(l1)).toMatchObject({
      architecture: 'arm64',
      kvm: 'API 12',
      'gic-v3': 'yes',
      'gic-v2': 'no',
      its: 'yes',
      fwb: 'yes',
      sve: 'up to 2048 bits',
      pauth: 'yes',
      pmu: 'yes',
      mte: 'no',
      'counter-offset': 'yes',
      'cpu-kinds': 'all alike',
      'page-size': '4 KiB',
    });
  });

  test('doctor: fits on the screen, and is quiet when asked', async () => {
    const { stdout, stderr } = await l1.run('orko-vmm doctor');
    expect(stdout).toMatch(/^ok {4}GICv3 {2,}yes: guests get it/m);
    expect(stdout).not.toContain('\x1b');
    // A line for each PCI function, of which a host can have any number.
    const isOfFunction = (line: string) => /^note +[\da-f]{4}:[\da-f]{2}:.* without an IOMMU$/.test(line);
    expect(stdout.split('\n').filter((line) => !isOfFunction(line)).length).toBeLessThan(50);
    expect(stderr).toBe('VMs can run on this host\n');
    expect(await l1.run('orko-vmm doctor --quiet')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('doctor: without /dev/kvm, or without the right to open it, VMs cannot run', async () => {
    const away = await l1.run('mv /dev/kvm /dev/away; orko-vmm doctor -q; code=$?; mv /dev/away /dev/kvm; exit $code');
    expect(away).toMatchObject({ exitCode: 69, stdout: expect.stringMatching(/^ERROR \/dev\/kvm +missing: /) });

    const as = (groups: string) =>
      `setpriv --reuid ${UNPRIVILEGED} --regid ${UNPRIVILEGED} ${groups} orko-vmm doctor -q`;
    const refused = await l1.run(as('--clear-groups'));
    expect(refused).toMatchObject({ exitCode: 69, stdout: expect.stringContaining('may not open it') });
    const allowed = await l1.run(
      `chown 0:${KVM_GROUP} /dev/kvm; chmod 660 /dev/kvm; ${as(`--groups ${KVM_GROUP}`)}; code=$?; chown 0:0 /dev/kvm; exit $code`,
    );
    expect(allowed).toMatchObject({ exitCode: 0, stdout: '' });
  });

  test('check: a config that would run', async () => {
    expect(await check()).toEqual({ exitCode: 0, lines: [] });
    expect(await check('cpus=20')).toEqual({ exitCode: 0, lines: [] });
  });

  test.concurrent.each([
    [['gic=v2'], 65, /^--set gic: Cannot create a GICv2: KVM on this host does not have it/],
    [['cpus.mte=on'], 65, /^--set cpus\.mte: Cannot give the guest memory tagging/],
    [['cpus.pin=9'], 65, /^--set cpus\.pin: Cannot pin a vCPU to CPU 9: this host's CPUs are 0(-\d+)?: choose/],
    [
      ['memory=64G', 'memory.prefault=true'],
      65,
      /^--set memory\.size: Cannot take 64 GiB of memory for the guest at start/,
    ],
    [['memory.hugepages=2M'], 69, /^Cannot map 64 MiB for guest RAM: .*the pool needs 32 free pages/],
    [['kernel.image=/usr/bin/env', 'kernel.format=auto'], 65, /^--set kernel\.image: Cannot boot .*ELF/],
  ])('check: %j ends with %i and its sentence', async (sets, code, sentence) => {
    const { exitCode, lines } = await check(...sets);
    expect(exitCode).toBe(code);
    expect(lines).toEqual([expect.stringMatching(sentence)]);
  });

  test('check: more memory than there is only warns, all errors come at once', async () => {
    const warned = await check('memory=64G');
    expect(warned).toEqual({ exitCode: 0, lines: [expect.stringMatching(/^Warning: .*the host has .* available/)] });
    const { exitCode, lines } = await check('gic=v2', 'cpus.mte=on', 'cpus.pin=9', 'kernel.image=/none');
    expect([exitCode, lines.length]).toEqual([65, 4]);
  });

  test('check: a huge-page pool that is large enough', async () => {
    const pool = '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages';
    await l1.run(`echo 32 >${pool}`);
    try {
      expect(await check('memory.hugepages=2M')).toEqual({ exitCode: 0, lines: [] });
    } finally {
      await l1.run(`echo 0 >${pool}`);
    }
  });
});

describe.skipIf(!hasHost('pi4'))('on a board of the Raspberry Pi class', () => {
  test('doctor, check: GICv2, no FEAT_S2FWB, and v3 is refused', async () => {
    const pi4 = await host('pi4');
    expect(await report(pi4)).toMatchObject({
      'gic-v3': 'no',
      'gic-v2': 'yes',
      its: 'no',
      fwb: 'no',
      sve: 'no',
      pauth: 'no',
    });
    const check = await prepareCheck(pi4);
    expect(await check('cpus=8')).toEqual({ exitCode: 0, lines: [] });
    expect((await check('gic=v3')).lines).toEqual([expect.stringContaining('Cannot create a GICv3')]);
    expect((await check('cpus=9')).lines).toEqual([expect.stringContaining('KVM on this host allows 8: lower cpus')]);
  });
});

describe.skipIf(!hasHost('16k'))('on a host with 16 KiB pages', () => {
  test('doctor, check: page size, and a config that would run', async () => {
    const large = await host('16k');
    expect(await report(large)).toMatchObject({ 'page-size': '16 KiB', 'gic-v3': 'yes' });
    expect(await (await prepareCheck(large))()).toEqual({ exitCode: 0, lines: [] });
  });
});
