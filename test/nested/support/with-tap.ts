/** Opens a tap and starts a program that has it as file descriptor 3: `node with-tap.ts TAP PROGRAM [ARGUMENT …]`. */
import { spawn } from 'node:child_process';
import { openTap } from '../../../src/host/tap-file.ts';

const [name, program, ...words] = process.argv.slice(2);
const tap = openTap(name!, false, {});
const child = spawn(program!, words, { stdio: ['inherit', 'inherit', 'inherit', tap.number] });
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 255;
});
