/** The tree of a config file (and what `--set` adds) → a `VmConfig`. Pure: paths are resolved by the caller's function. */
import { ConfigError } from '../base/errors.ts';
import { writeSize } from '../base/size.ts';
import { BUSES } from '../pci/pci-bus.ts';
import { passedDevices, virtioDevices } from './device-kinds.ts';
import { macAddressOf } from './mac-address.ts';
import { placeOf, placesIn } from './places.ts';
import { read } from './read.ts';
import { errorAt, type Reading } from './reading.ts';
import { CONFIG, type NamedPath, type VmConfig } from './schema.ts';
import { setIn } from './set.ts';
import { withPools } from './shared-memory.ts';
import type { Place, Source } from './source.ts';

/** Each has a bus of its own, and one is the root bus. */
const PLUGGABLE_MAX = BUSES - 1;
/** GICv2 has eight CPU interfaces (IHI 0048B §1.2). */
const GICV2_CPU_COUNT_MAX = 8;

export interface InterpretOptions {
  /** As the user named it: it begins every message. */
  readonly file: string;
  /** Absolute, where relative paths of the file start. */
  readonly directory: string;
  /** `KEY=VALUE` of the command line, in order. */
  readonly sets?: readonly { readonly key: string; readonly value: Source }[];
  /** Makes a path absolute; `at` tells whether the file or the command line named it. */
  resolvePath(path: string, at: Place): string;
}

export function interpretConfig(tree: Source, options: InterpretOptions): VmConfig {
  let source = tree;
  if (source.kind === 'scalar' && source.value === null) {
    throw new ConfigError('The config is empty: write at least kernel: PATH', { file: options.file });
  }
  if (source.kind !== 'mapping') {
    throw errorAt(source.at, '', 'The config is not a mapping of keys: begin with, for example, kernel: Image');
  }
  for (const { key, value } of options.sets ?? []) source = setIn(CONFIG, source, key.split('.'), value);

  const paths: NamedPath[] = [];
  const reading: Reading = { paths, resolvePath: options.resolvePath };
  const values = read(CONFIG, source, '', reading) as VmConfig;
  const name = values.name || nameOf(options.file);
  const config = {
    ...values,
    name,
    devices: withMacAddresses(values.devices, name),
    file: options.file,
    directory: options.directory,
    paths,
    places: placesIn(source),
  };
  checkTogether(config);
  return { ...config, devices: withPools(config.devices, complainer(config)) };
}

/** Makes an error about a key of the config. */
function complainer(config: VmConfig): (keyPath: string, message: string) => ConfigError {
  return (keyPath, message) => errorAt(placeOf(config, keyPath), keyPath, message);
}

/** What no key can say alone. What depends on the host is checked where the host is asked. */
function checkTogether(config: VmConfig): void {
  const { cpus, gic, its, memory } = config;
  const complain = complainer(config);

  if (cpus.pin && cpus.pin.length !== cpus.count) {
    const [pinned, wanted] = [plural(cpus.pin.length, 'host CPU'), plural(cpus.count, 'vCPU')];
    throw complain('cpus.pin', `This names ${pinned} for ${wanted}: name one host CPU for each vCPU`);
  }
  checkStdio(config, complain);
  checkBackends(config, complain);
  checkPluggable(config, complain);
  checkPassed(config, complain);
  if (gic === 'v2' && cpus.count > GICV2_CPU_COUNT_MAX) {
    throw complain(
      'cpus.count',
      `GICv2 carries ${GICV2_CPU_COUNT_MAX} vCPUs at most, not ${cpus.count}: write gic: v3`,
    );
  }
  if (gic === 'v2' && its === 'on') throw complain('its', 'GICv2 has no ITS: write its: auto, or gic: v3');
  if (memory.hugepages > 0 && memory.size % memory.hugepages !== 0) {
    const page = writeSize(memory.hugepages);
    throw complain(
      'memory.size',
      `${writeSize(memory.size)} is not a whole number of ${page} huge pages: write a multiple of ${page}`,
    );
  }
}

/** One console can have the terminal. */
function checkStdio(config: VmConfig, complain: (keyPath: string, message: string) => ConfigError): void {
  let owner = config.console.kind === 'stdio' ? 'console' : undefined;
  for (const [name, device] of Object.entries(config.devices)) {
    if (device.type !== 'console' || 'backend' in device || device.console?.kind !== 'stdio') continue;
    const keyPath = `devices.${name}.console`;
    if (owner !== undefined) {
      const remedy = owner === 'console' ? 'write console: none on top' : 'let one of them lead elsewhere';
      throw complain(keyPath, `The terminal (stdio) is already that of ${owner}: ${remedy}`);
    }
    owner = keyPath;
  }
}

/** Behind a root port is a PCI bus, of which the device tree says nothing. */
function checkPluggable(config: VmConfig, complain: (keyPath: string, message: string) => ConfigError): void {
  const { its, gic } = config;
  const pluggable = virtioDevices(config).filter(([, { hotplug }]) => hotplug);
  for (const [name, device] of pluggable) {
    const keyPath = `devices.${name}.hotplug`;
    if (device.transport !== 'pci') {
      throw complain(keyPath, 'Only a device on PCI can come and go: write transport: pci');
    }
    if (its === 'off' && gic !== 'v2') {
      throw complain(keyPath, 'The guest is told by a message that a device comes or goes: write its: auto');
    }
    const needsNode = device.children.length > 0 || ('backend' in device && device.memory.share === 'pool');
    if (needsNode) throw complain(keyPath, 'A device with a pool or children cannot come and go: leave hotplug out');
  }
  if (pluggable.length > PLUGGABLE_MAX) {
    throw complain(
      `devices.${pluggable[PLUGGABLE_MAX]![0]}.hotplug`,
      `${plural(pluggable.length, 'device')} can come and go here: there are buses for ${PLUGGABLE_MAX}`,
    );
  }
}

/** A back-end is reached in one way, and maps guest memory. */
function checkBackends(config: VmConfig, complain: (keyPath: string, message: string) => ConfigError): void {
  for (const [name, device] of Object.entries(config.devices)) {
    if (!('backend' in device)) continue;
    const { socket, listen, command, env } = device.backend;
    const keyPath = `devices.${name}.backend`;
    const ways = [socket !== undefined, listen !== undefined, command.length > 0].filter(Boolean).length;
    if (ways !== 1) {
      const say =
        ways === 0 ? 'This does not say how the back-end is reached' : 'This says twice how the back-end is reached';
      throw complain(keyPath, `${say}: write one of socket, listen and command`);
    }
    if (command.length > 0 && !command.some((word) => word.includes('{socket}'))) {
      throw complain(
        `${keyPath}.command`,
        'No argument says where the program has to listen: write {socket} for the path',
      );
    }
    if (command.length === 0 && Object.keys(env).length > 0) {
      throw complain(`${keyPath}.env`, 'This is for a program that is started here: leave env out, or write command');
    }
    if (config.cpus.mte !== 'off') {
      throw complain('cpus.mte', `Memory with tags cannot be shared with the back-end of ${name}: write mte: off`);
    }
  }
}

/** The memory that a passed-through device reaches is pinned: none of it can be given back. */
function checkPassed(config: VmConfig, complain: (keyPath: string, message: string) => ConfigError): void {
  const passed = passedDevices(config);
  const ballooned = Object.keys(config.devices).find((name) => config.devices[name]!.type === 'balloon');
  if (passed.length > 0 && ballooned !== undefined) {
    throw complain(
      `devices.${ballooned}`,
      `A balloon gives memory back that ${passed[0]![0]}, a device that is passed through, goes on using: take one of them out`,
    );
  }
  passed.forEach(([name, { host }], index) => {
    const other = passed.slice(0, index).find(([, device]) => device.host === host);
    if (other) throw complain(`devices.${name}.host`, `${host} is the host of ${other[0]} too: take one of them out`);
  });
}

/** Each card an address of its own, that stays the same. */
function withMacAddresses(devices: VmConfig['devices'], vmName: string): VmConfig['devices'] {
  const entries = Object.entries(devices).map(([name, device]) => {
    if (device.type !== 'net') return [name, device];
    return [name, { ...device, mac: device.mac ?? macAddressOf(vmName, name) }];
  });
  return Object.fromEntries(entries);
}

/** `vms/bench board.yaml` → `bench-board`. */
function nameOf(file: string): string {
  const base = file.slice(file.lastIndexOf('/') + 1);
  const stem = base.replace(/(?<=.)\.[^.]*$/, '').replace(/[^A-Za-z0-9._-]+/g, '-');
  return stem.replace(/^[^A-Za-z0-9]+/, '').slice(0, 64) || 'vm';
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
