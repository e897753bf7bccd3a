/** Binary sizes, and how sizes and addresses are written for people. */
export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;
export const TiB = 1024 * GiB;

/** 1536 → "1536 bytes", 2097152 → "2 MiB", 1610612736 → "1.5 GiB". */
export function formatSize(bytes: number): string {
  for (const [unit, name] of [
    [TiB, 'TiB'],
    [GiB, 'GiB'],
    [MiB, 'MiB'],
    [KiB, 'KiB'],
  ] as const) {
    if (bytes >= unit) return `${Number((bytes / unit).toFixed(1))} ${name}`;
  }
  return `${bytes} bytes`;
}

/** 0x40000000 → "0x4000_0000": groups of four digits, at least eight, as docs/architecture.md writes addresses. */
export function formatAddress(address: number | bigint): string {
  const digits = address.toString(16);
  const padded = digits.padStart(Math.max(8, Math.ceil(digits.length / 4) * 4), '0');
  return `0x${padded.replace(/(?<=.)(?=(?:.{4})+$)/g, '_')}`;
}
