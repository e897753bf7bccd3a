/** A program with its standard input in raw mode, and a way to end: its first argument. For terminal-mode.test.ts. */
import { writeSync } from 'node:fs';
import { Fd } from '../../../src/host/fd.ts';
import { RawMode, restoreTerminals } from '../../../src/host/terminal-mode.ts';

const STDERR = 2;
const mode = new RawMode(new Fd(0));
writeSync(STDERR, 'raw\n');

switch (process.argv[2]) {
  case 'exit':
    process.exit(3);
    break;
  case 'throw':
    throw new Error('thrown on purpose');
  case 'reject':
    await Promise.reject(new Error('rejected on purpose'));
    break;
  case 'dispose':
    mode[Symbol.dispose]();
    break;
  case 'last-resort':
    restoreTerminals();
    process.kill(process.pid, 'SIGKILL');
    break;
  case 'handler':
    process.on('SIGTERM', () => {
      writeSync(STDERR, 'handled\n');
      setTimeout(() => process.exit(0), 300);
    });
    break;
}
if (process.argv[2] !== 'dispose') setInterval(() => {}, 1_000);
