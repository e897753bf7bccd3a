/**
 * `memory:` of a device that another process serves: how much of the guest's memory that process is shown (docs/sharing.md).
 * A pool is one trust domain: whoever names the same one shares it.
 */
import { writeSize } from '../base/size.ts';
import { GiB, MiB } from '../base/units.ts';
import { choice, type ObjectValue, object, size, text } from './kinds.ts';

/** What the requests of a busy disk take, and no more than a guest's smallest memory can spare for its bookkeeping. */
const POOL_BYTES_DEFAULT = 64 * MiB;
/** Linux keeps 64 reserved regions (MAX_RESERVED_REGIONS), and overlays may bring some. */
const POOLS_MAX = 32;

export const SHARED_MEMORY = object({
  short: 'share',
  examples: ['pool', '{ pool: media, size: 32M }'],
  help: "How much of the guest's memory the back-end sees. A word alone is `share`.",
  keys: {
    share: choice({
      choices: ['all', 'pool'],
      defaultHelp: '`all`, or `pool` where `pool` or `size` is given',
      examples: ['pool'],
      meanings: {
        all: 'all of guest RAM, pools of others not included',
        pool: "a piece of memory of its own, through which the driver copies all that the device reads and writes; the guest's kernel needs CONFIG_DMA_RESTRICTED_POOL",
      },
      help: 'What the back-end is given to map.',
    }),
    pool: text({
      pattern: /^[A-Za-z][A-Za-z0-9_-]{0,31}$/,
      patternHelp: 'a name: a letter, then letters, digits, dashes and underscores',
      defaultHelp: "the device's name",
      examples: ['media'],
      help: 'The name of the pool. Devices that name the same one share it, and their back-ends see what passes between each other and the guest.',
    }),
    size: size({
      min: 2 * MiB,
      max: 4 * GiB,
      multipleOf: 2 * MiB,
      unit: 'bytes',
      defaultHelp: writeSize(POOL_BYTES_DEFAULT),
      examples: ['32M'],
      help: 'How large the pool is: a multiple of 2M. It comes on top of `memory.size`, and all of it is taken at start. Requests that do not fit wait.',
    }),
  },
});

type SharedMemoryKeys = ObjectValue<(typeof SHARED_MEMORY)['keys']>;
/** The devices of a config, of whatever types. */
type Devices = Readonly<Record<string, object>>;
type Complain = (keyPath: string, message: string) => Error;

export interface PoolConfig {
  readonly name: string;
  readonly size: number;
  /** Names of the devices that use it. */
  readonly devices: readonly string[];
}

/** The pools of a config, in the order in which its devices name them. */
export function poolsOf(devices: Devices): readonly PoolConfig[] {
  const pools = new Map<string, { size: number; devices: string[] }>();
  for (const [device, keys] of Object.entries(devices)) {
    const { pool: name, size = POOL_BYTES_DEFAULT } = memoryOf(keys) ?? {};
    if (name === undefined) continue;
    const pool = pools.get(name) ?? { size, devices: [] };
    pools.set(name, pool);
    pool.devices.push(device);
  }
  return [...pools].map(([name, pool]) => ({ name, ...pool }));
}

/** The same devices with all of `memory` written out: which pool each has, if it has one, and how large that is. */
export function withPools<Value extends Devices>(devices: Value, complain: Complain): Value {
  const wanted = Object.entries(devices).map(([device, keys]) => [device, keys, wish(device, keys, complain)] as const);
  const sizes = new Map<string, number>();
  for (const [device, , memory] of wanted) {
    const { pool, size } = memory ?? {};
    if (pool === undefined || size === undefined) continue;
    const other = sizes.get(pool) ?? size;
    if (other !== size) {
      const both = `${writeSize(other)} and ${writeSize(size)}`;
      throw complain(
        `devices.${device}.memory.size`,
        `The pool ${pool} has two sizes, ${both}: write the same, or only one`,
      );
    }
    sizes.set(pool, size);
  }
  const entries = wanted.map(([device, keys, memory]) => {
    if (memory?.pool === undefined) return [device, memory ? { ...keys, memory } : keys];
    return [device, { ...keys, memory: { ...memory, size: sizes.get(memory.pool) ?? POOL_BYTES_DEFAULT } }];
  });
  const result = Object.fromEntries(entries) as Value;
  const beyond = poolsOf(result)[POOLS_MAX];
  if (beyond) {
    const message = `There are more pools than the ${POOLS_MAX} that a guest takes: let devices that may trust each other name the same one`;
    throw complain(`devices.${beyond.devices[0]}.memory`, message);
  }
  return result;
}

/** What `memory` of one device says. Undefined where there is no such key. */
function wish(device: string, keys: object, complain: Complain): SharedMemoryKeys | undefined {
  const memory = memoryOf(keys);
  if (memory === undefined) return undefined;
  const { pool, size } = memory;
  const isMeant = pool !== undefined || size !== undefined;
  const share = memory.share ?? (isMeant ? 'pool' : 'all');
  if (share === 'pool') return { share, pool: pool ?? device, size };
  if (!isMeant) return { share, pool, size };
  const key = pool !== undefined ? 'pool' : 'size';
  throw complain(
    `devices.${device}.memory.${key}`,
    `A back-end that sees all has no pool: leave ${key} out, or write share: pool`,
  );
}

function memoryOf(keys: object): SharedMemoryKeys | undefined {
  return 'memory' in keys ? (keys.memory as SharedMemoryKeys) : undefined;
}
