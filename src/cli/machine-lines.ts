/** How `list` and `ctl status` show a running VM. */
import { formatSize } from '../base/units.ts';
import type { DeviceDescription, MachineStats, MachineStatus } from '../control/protocol.ts';

const SECONDS = { d: 86_400, h: 3_600, min: 60, s: 1 } as const;

/** 3723000 → "1 h 2 min": the two largest units that say something. */
export function formatDuration(durationMs: number): string {
  let rest = Math.floor(durationMs / 1000);
  const parts: string[] = [];
  for (const [unit, seconds] of Object.entries(SECONDS)) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0 || (unit === 's' && parts.length === 0)) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
  }
  return parts.slice(0, 2).join(' ');
}

/** `key: value` lines, every field of the status once. */
export function statusLines(status: MachineStatus): string {
  const rows = [
    ['name', status.name],
    ['state', status.state],
    ['vCPUs', String(status.cpus)],
    ['memory', formatSize(status.memoryBytes)],
    ['up', formatDuration(status.uptimeMs)],
    ['boots', String(status.boots)],
    ['pid', String(status.pid)],
    ['console', status.console],
    ['config', status.config],
  ];
  return rows.map(([key, value]) => (value === undefined ? '' : `${key}: ${value}\n`)).join('');
}

/** A line for each device, and one for each thing that it can do. */
export function deviceLines(devices: readonly DeviceDescription[]): string {
  return devices
    .map(({ name, type, actions }) =>
      [`${name} (${type})\n`, columns(actions.map((action) => [`  ${action.name}`, action.help]))].join(''),
    )
    .join('');
}

/** A table of the queues, then what KVM and the devices count beside. Histograms are for `--json`. */
export function statsLines({ cpus, kvm, devices }: MachineStats): string {
  const head = ['device', 'queue', 'kicks', 'interrupts', 'buffers', 'bytes read', 'bytes written', 'kick to used'];
  const rows = devices.flatMap(({ name, queues }) =>
    queues.map(({ kicks, interrupts, chains, bytesRead, bytesWritten, kickToUsedUs }, index) =>
      [name, index, kicks, interrupts, chains, bytesRead, bytesWritten, medianUs(kickToUsedUs)].map(String),
    ),
  );
  const own = devices.flatMap(({ name, counters }) =>
    Object.entries(counters).map(([counter, value]) => `${name} ${counter}: ${value}\n`),
  );
  const exits = cpus.map(({ exits, undecoded = 0 }, index) => {
    const share = undecoded === 0 ? '' : `, of which ${undecoded} with an instruction to decode`;
    return `vCPU ${index} exits: ${exits}${share}\n`;
  });
  const ofKvm = Object.entries(kvm).map(([name, value]) => `kvm ${name}: ${value}\n`);
  return [rows.length > 0 ? columns([head, ...rows]) : '', ...own, ...exits, ...ofKvm].join('');
}

/** The upper end of the bucket in which the median lies: "≤ 64 µs". */
function medianUs(buckets: readonly number[]): string {
  const half = buckets.reduce((sum, count) => sum + count, 0) / 2;
  let sum = 0;
  const bucket = buckets.findIndex((count) => {
    sum += count;
    return sum >= half && half > 0;
  });
  return bucket < 0 ? '-' : `≤ ${2 ** bucket} µs`;
}

/** Columns as wide as their widest cell; the last one is not filled up. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths[index]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
