/** Linux on each kind of Arm host: boot, SMP, console and reboot, all in one VM; the other files do the same in depth. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { consoleComplaints } from '../support/console-load.ts';
import { type HostName, hasHost, host } from '../support/nested-host.ts';
import { complaintsOf, linesOf, linux, payload, startVm } from '../support/vm.ts';

const HOSTS: readonly { name: HostName; gic: string }[] = [
  { name: 'main', gic: 'GICv3' },
  { name: '16k', gic: 'GICv3' },
  { name: 'pi4', gic: 'GICv2' },
];
/** More of them than the emulated host has CPUs show nothing more here, and take three times as long; smp.test.ts has up to 20. */
const CPUS = 2;
const BYTES = 512;
/** Every value, twice. */
const INPUT = Uint8Array.from({ length: BYTES }, (_, index) => (index * 7) % 256);
/** Starting one of the other hosts takes its time, and building its image the first time much more. */
const TIMEOUT_MS = 1_800_000;

describe.each(HOSTS)('on host $name', ({ name, gic }) => {
  const isThere = hasHost(name);

  test.skipIf(!isThere)(
    'Linux boots, has all CPUs, keeps every console byte, and boots again',
    { timeout: TIMEOUT_MS },
    async () => {
      const l1 = await host(name);
      const recordTo = join(l1.directory, `boot-${name}`);
      const kernel = linux('smp,console-out,console-in,reboot', `orko.bytes=${BYTES}`);
      await using vm = await startVm(l1, { kernel, cpus: CPUS }, { recordTo });
      for (const boot of [1, 2]) {
        await vm.printedTimes('ORKO-READY', boot);
        vm.write(INPUT);
        await vm.printedTimes('ORKO-BOOT', boot);
      }
      await vm.kill('TERM');
      await vm.kill('TERM');
      await vm.exited();

      const checks = linesOf(vm.output, 'ORKO-CHECK').map((line) => line.split(' ').slice(1));
      for (const check of ['smp', 'console-out', 'console-in']) {
        const verdicts = checks.filter(([which]) => which === check).map(([, verdict]) => verdict);
        expect.soft(verdicts.slice(0, 2), check).toEqual(['PASS', 'PASS']);
      }
      expect.soft(checks.find(([which]) => which === 'smp')).toContain(`online=${CPUS}`);
      expect
        .soft(checks.find(([which]) => which === 'console-in'))
        .toContain(`crc32=${crc32(INPUT).toString(16).padStart(8, '0')}`);
      const boots = (await readFile(recordTo)).toString('latin1').split('ORKO-BOOT');
      expect.soft(consoleComplaints(Buffer.from(boots[0]!, 'latin1'), BYTES)).toEqual([]);
      expect.soft(consoleComplaints(Buffer.from(boots[1]!, 'latin1'), BYTES)).toEqual([]);
    },
  );

  test.skipIf(!isThere)('the interrupt controller works, whichever the host has', { timeout: TIMEOUT_MS }, async () => {
    const l1 = await host(name);
    await using vm = await startVm(l1, { kernel: payload('gic'), cpus: CPUS });
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
    expect(vm.output).toContain(`PASS ${gic}`);
  });
});
