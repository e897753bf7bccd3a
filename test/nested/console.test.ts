/** The console: every byte arrives, both ways, wherever it leads; and the user's terminal is left as it was found. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { consoleComplaints } from '../support/console-load.ts';
import { host, type NestedHost } from '../support/nested-host.ts';
import { complaintsOf, linesOf, linux, payload, rounds, startVm, TEST_TIMEOUT_MS, type Vm } from '../support/vm.ts';

const KIB = 1024;
const OUTPUT_BYTES = KIB * rounds('KiB of console output, by printk and through the terminal', 1024, 8);
const INPUT_BYTES = KIB * rounds('KiB of console input', 64, 2);
/** A byte takes below 1 ms on a quiet machine, and ten where others keep it busy: each exits where register pages are off. */
const LOAD_TIMEOUT_MS = TEST_TIMEOUT_MS + 20 * (2 * OUTPUT_BYTES + INPUT_BYTES);
/** What the payload `uart echo` takes as the end. */
const EOT = '\x04';

const crcOf = (bytes: Uint8Array) => crc32(bytes).toString(16).padStart(8, '0');
/** Every value in every place that matters. */
const input = Uint8Array.from({ length: INPUT_BYTES }, (_, index) => (index * 7 + (index >> 8)) % 256);

describe('the console under load', () => {
  test.each(['on', 'off'])(
    'output and input are whole (register-pages: %s)',
    { timeout: 3 * LOAD_TIMEOUT_MS },
    async (pages) => {
      const l1 = await host('main');
      const recordTo = join(l1.directory, `console-${pages}`);
      const kernel = linux('console-out,console-in', `orko.bytes=${OUTPUT_BYTES} orko.input=${INPUT_BYTES}`);
      await using vm = await startVm(l1, { kernel, 'register-pages': pages }, { recordTo });
      await vm.printed('ORKO-READY', LOAD_TIMEOUT_MS);
      vm.write(input);
      expect(await vm.exited(LOAD_TIMEOUT_MS)).toBe(0);
      expect(linesOf(vm.output, 'ORKO-CHECK')).toEqual([
        expect.stringContaining('console-out PASS'),
        `ORKO-CHECK console-in PASS bytes=${INPUT_BYTES} crc32=${crcOf(input)}`,
      ]);
      expect(consoleComplaints(await readFile(recordTo), OUTPUT_BYTES)).toEqual([]);
    },
  );
});

describe('where the console leads', { timeout: TEST_TIMEOUT_MS }, () => {
  let l1: NestedHost;
  beforeAll(async () => {
    l1 = await host('main');
  });

  /** Attaches with socat to `address`, checks that what was printed before is there, and lets the guest echo `words`. */
  async function converse(vm: Vm, address: string): Promise<void> {
    const client = l1.spawn(`socat - ${address}`);
    await client.printed('ECHO READY');
    expect(client.stdout).toContain('PASS');
    client.write(`hello${EOT}`);
    expect(await vm.exited()).toBe(0);
    await client.exited();
    expect(client.stdout).toContain(`ECHO bytes=5 crc32=${Number(`0x${crcOf(Buffer.from('hello'))}`).toString(16)}`);
  }

  test('unix: who attaches late sees what was printed before, and can type', async () => {
    const path = join('/run', `console-${process.pid}.sock`);
    await using vm = await startVm(l1, { kernel: payload('uart', 'echo'), console: `unix:${path}` });
    await l1.run(`until [ -S ${path} ]; do sleep 0.1; done; sleep 1`);
    await converse(vm, `UNIX-CONNECT:${path}`);
  });

  test('pty: its name is said, and a terminal program can open it', async () => {
    await using vm = await startVm(l1, { kernel: payload('uart', 'echo'), console: 'pty' });
    await vm.said('The console is /dev/pts/');
    const [path] = /\/dev\/pts\/\d+/.exec(vm.messages)!;
    await converse(vm, `${path},raw,echo=0`);
  });

  test('file: output is appended', async () => {
    const path = join(l1.directory, 'console.log');
    await writeFile(path, 'before\n');
    await using vm = await startVm(l1, { kernel: payload('hello'), console: `file:${path}` });
    expect(await vm.exited()).toBe(0);
    const text = await readFile(path, 'utf8');
    expect(text.startsWith('before\n')).toBe(true);
    expect(complaintsOf(text)).toEqual([]);
  });

  test('stdio on a terminal: control keys go to the guest, Ctrl-A x ends it, the terminal is restored', async () => {
    const config = join(l1.directory, 'tty.yaml');
    await writeFile(config, JSON.stringify({ memory: '126M', kernel: payload('uart', 'echo') }));
    const script = `before=$(stty -g); orko-vmm run ${config}; echo "code=$?"; [ "$before" = "$(stty -g)" ] && echo restored`;
    const shell = l1.spawn(script, { tty: true });
    await shell.printed('ECHO READY');
    // Ctrl-C, Ctrl-Z, Ctrl-\ and Ctrl-S would do something else on a terminal that is not raw.
    shell.write('\x03\x1a\x1c\x13ok');
    await shell.printed('\x03\x1a\x1c\x13ok');
    shell.write('\x01x');
    await shell.printed('code=13');
    await shell.printed('restored');
    expect(await shell.exited()).toBe(0);
  });

  test('stdio in a pipe: the end of the input leaves the guest running', async () => {
    await using vm = await startVm(l1, { kernel: payload('uart', 'echo') });
    await vm.printed('ECHO READY');
    // A pipe has no keys of ours: Ctrl-A is a byte as any other.
    vm.end(`\x01x${EOT}`);
    expect(await vm.exited()).toBe(0);
    expect(vm.output).toContain(`ECHO bytes=2 crc32=${crc32('\x01x').toString(16)}`);
  });
});
