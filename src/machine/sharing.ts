/**
 * Which back-end sees which bytes of the guest, and whether that is all it can come by: of a running VM by the processes
 * that serve its devices, of a config by what it says (docs/sharing.md).
 */
import type { PassedDevice } from '../config/device-kinds.ts';
import type { VmConfig } from '../config/schema.ts';
import type { DeviceSharing } from '../control/protocol.ts';
import { getuid } from '../host/libc.ts';
import { processFacts } from '../host/process.ts';
import type { Credentials } from '../host/unix-socket.ts';
import { findUser } from '../host/users.ts';
import { placePools } from './layout.ts';

/** What a running VM knows beside its config. */
export interface RunningSharing {
  /** Device → who serves it now. */
  readonly peers: ReadonlyMap<string, Credentials | undefined>;
  /** Of a pool, or of RAM. */
  fdOf(pool: string | undefined): number | undefined;
}

type Process = NonNullable<DeviceSharing['process']>;
type Memory = DeviceSharing['memory'][number];
type Verdict = Pick<DeviceSharing, 'isolation' | 'reason'>;

/** A device that a back-end serves, before anything is judged. */
interface Shown {
  readonly name: string;
  readonly type: string;
  readonly memory: Memory;
  readonly pool: string | undefined;
  readonly process: Process | undefined;
}

const OWN: Verdict = { isolation: 'own', reason: 'orko-vmm serves it itself' };

export function explainSharing(config: VmConfig, running?: RunningSharing): readonly DeviceSharing[] {
  const devices = Object.entries(config.devices);
  const shown = devices.flatMap(([name, device]) => ('backend' in device ? [show(config, name, device, running)] : []));
  return devices.map(([name, keys]) => {
    if (keys.type === 'vfio') return reached(config, name, keys as PassedDevice);
    const { type } = keys;
    const device = shown.find((candidate) => candidate.name === name);
    if (device === undefined) return { name, type, memory: [], ...OWN };
    const { memory, process } = device;
    return { name, type, memory: [memory], ...(process && { process }), ...judge(device, shown) };
  });
}

/** By DMA, through the host's IOMMU. */
function reached(config: VmConfig, name: string, { type, memory: { pool } }: PassedDevice): DeviceSharing {
  if (pool === undefined) {
    const ram = { what: 'RAM', base: config.memory.base, size: config.memory.size };
    return { name, type, memory: [ram], isolation: 'none', reason: 'its DMA reaches all of RAM (memory: all)' };
  }
  const { range } = placePools(config).find((placed) => placed.name === pool)!;
  const reason = "its DMA reaches the pool alone: the host's IOMMU sees to that";
  return { name, type, memory: [{ what: `pool ${pool}`, ...range }], isolation: 'real', reason };
}

type ServedDevice = Extract<VmConfig['devices'][string], { readonly backend: object }>;

function show(
  config: VmConfig,
  name: string,
  { type, memory, backend }: ServedDevice,
  running?: RunningSharing,
): Shown {
  const { pool } = memory;
  const ram = { what: 'RAM', base: config.memory.base, size: config.memory.size };
  const range = placePools(config).find((placed) => placed.name === pool)?.range;
  const fd = running?.fdOf(pool);
  const file = pool === undefined ? 'memfd:guest-ram' : `memfd:pool-${pool}`;
  const place = { ...(range ? { what: `pool ${pool}`, ...range } : ram), file, ...(fd !== undefined && { fd }) };
  return { name, type, pool, memory: place, process: running ? found(running.peers.get(name)) : planned(backend) };
}

function found(peer: Credentials | undefined): Process | undefined {
  if (peer === undefined) return undefined;
  const command = processFacts(peer.pid)?.name;
  return { uid: peer.uid, pid: peer.pid, ...(command !== undefined && { command }) };
}

/** Before the VM runs only that is known which it will start. */
function planned({ command: [program], user }: ServedDevice['backend']): Process | undefined {
  if (program === undefined) return undefined;
  const uid = user === undefined ? getuid() : findUser(user)?.uid;
  return uid === undefined ? undefined : { uid, command: program };
}

function judge(device: Shown, all: readonly Shown[]): Verdict {
  const { pool, process } = device;
  if (pool === undefined) return { isolation: 'none', reason: 'it was given all of RAM (memory: all)' };
  if (process === undefined) return { isolation: 'unknown', reason: 'that depends on the user who will serve it' };
  const none = (reason: string): Verdict => ({ isolation: 'none', reason });
  const { uid, pid } = process;
  const remedy = 'a pool gives no isolation: let it run as a user of its own';
  if (uid === getuid())
    return none(`it runs as orko-vmm's own user (uid ${uid}), to which all that orko-vmm has is open: ${remedy}`);
  if (uid === 0) return none(`it runs as root, which may look into orko-vmm: ${remedy}`);
  const facts = pid === undefined ? undefined : processFacts(pid);
  if (facts?.mayInspect && facts.isInOurNamespace !== false) {
    return none('it has CAP_SYS_PTRACE, so it may look into orko-vmm: take that away from it');
  }
  // Who runs as the same user may look into each other.
  const sibling = all.find((other) => other.process?.uid === uid && other.pool !== pool);
  if (sibling) {
    const { what } = sibling.memory;
    return none(
      `it runs as the same user (uid ${uid}) as the back-end of ${sibling.name}, which sees ${what}: give each a user of its own`,
    );
  }
  const partners = all.filter((other) => other !== device && other.pool === pool).map(({ name }) => name);
  const shared = partners.length > 0 ? `; what is in it, it shares with ${partners.join(' and ')}` : '';
  return { isolation: 'real', reason: `it sees the pool, and as uid ${uid} it may not look into orko-vmm${shared}` };
}
