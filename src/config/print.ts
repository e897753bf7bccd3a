/** A `VmConfig` → the YAML that means the same, with every default written out (`--print-config`). */
import { Scalar, stringify } from 'yaml';
import { writeSizeOf } from './expectation.ts';
import { camel, type Field, type Overlay } from './kinds.ts';
import { CONFIG, type VmConfig } from './schema.ts';

export function printConfig(config: VmConfig): string {
  return stringify(plainOf(CONFIG, config), { lineWidth: 0 });
}

/** The value as the file would say it. */
function plainOf(field: Field, value: unknown): unknown {
  switch (field.kind) {
    case 'size':
      return field.address ? hexadecimal(value as number) : writeSizeOf(field, value as number);
    case 'endpoint': {
      const { kind, path } = value as { kind: string; path?: string };
      return path === undefined ? kind : `${kind}:${path}`;
    }
    case 'overlays':
      return (value as Overlay[]).map((overlay) => (overlay.kind === 'file' ? overlay.path : overlay.tree));
    case 'map':
      return Object.fromEntries(
        Object.entries(value as Record<string, unknown>).map(([name, below]) => [name, plainOf(field.of, below)]),
      );
    case 'object':
      return plainKeys(field.keys, value as Record<string, unknown>);
    case 'devices':
      return Object.fromEntries(
        Object.entries(value as Record<string, { type: string }>).map(([name, device]) => [
          name,
          {
            type: device.type,
            ...plainKeys(('backend' in device ? field.served : field.types)[device.type]!.keys, device),
          },
        ]),
      );
    default:
      return value;
  }
}

function plainKeys(keys: Readonly<Record<string, Field>>, values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(keys)
      .filter(([key]) => values[camel(key)] !== undefined)
      .map(([key, field]) => [key, plainOf(field, values[camel(key)])]),
  );
}

/** The library then writes `0x…` without quotes: still a number. */
function hexadecimal(value: number): Scalar<number> {
  return Object.assign(new Scalar(value), { format: 'HEX' });
}
