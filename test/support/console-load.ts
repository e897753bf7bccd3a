/** What the guest's `console-out` check has printed (guests/linux/agent/console.c): whether every byte of it arrived. */
import { crc32 } from 'node:zlib';

/** One record of the check, its priority aside: "ORKO-PRINTK 000042 " filled up with letters to this length. */
const RECORD_BYTES = 256;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
/** The three characters of the record's priority, which are not printed, count in its letters. */
const PRIORITY_BYTES = 3;

/** What of `bytes` bytes by printk and as many through the terminal is wrong or missing; nothing when all is well. */
export function consoleComplaints(console: Buffer, bytes: number): string[] {
  return [...printkComplaints(console, Math.ceil(bytes / RECORD_BYTES)), ...terminalComplaints(console, bytes)];
}

function printkComplaints(console: Buffer, countWanted: number): string[] {
  const records = console.toString('latin1').match(/ORKO-PRINTK \d{6} [a-z]*/g) ?? [];
  const wrong = records.filter((record, index) => record !== recordOf(index));
  if (wrong.length > 0) return [`${wrong.length} of ${records.length} records are wrong, such as ${wrong[0]}`];
  return records.length === countWanted ? [] : [`${records.length} records of ${countWanted}`];
}

function recordOf(number: number): string {
  let record = `ORKO-PRINTK ${String(number).padStart(6, '0')} `;
  while (record.length < RECORD_BYTES - 1) {
    record += LETTERS[(number + record.length + PRIORITY_BYTES) % LETTERS.length];
  }
  return record;
}

function terminalComplaints(console: Buffer, bytes: number): string[] {
  const begin = `ORKO-TTY-BEGIN bytes=${bytes}\r\n`;
  const start = console.indexOf(begin);
  if (start < 0) return ['the terminal part did not begin'];
  const sent = console.subarray(start + begin.length, start + begin.length + bytes);
  const [, wanted] = /ORKO-TTY-END crc32=([0-9a-f]{8})/.exec(console.toString('latin1', start)) ?? [];
  const got = crc32(sent).toString(16).padStart(8, '0');
  return got === wanted ? [] : [`the terminal's bytes have CRC ${got} instead of ${wanted}`];
}
