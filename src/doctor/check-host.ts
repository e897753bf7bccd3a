/** Whether this host has what a config asks for: by making it, short of running a guest, and throwing it away. */
import { unlinkSync } from 'node:fs';
import { openConsole } from '../backends/console.ts';
import { passedDevices } from '../config/device-kinds.ts';
import type { VmConfig } from '../config/schema.ts';
import { claimSocket, socketFolder } from '../control/registry.ts';
import { hostCpus } from '../host/cpus.ts';
import { HostFiles } from '../host/host-files.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import { Kvm } from '../kvm/system.ts';
import { assumedFacts } from '../machine/assumed-facts.ts';
import { chooseFeatures } from '../machine/cpu-features.ts';
import type { GuestFacts } from '../machine/guest-tree.ts';
import { checkCpuCount, chooseIpaBits, createGuestGic, GuestVm } from '../machine/guest-vm.ts';
import { checkAvailable, mapRam } from '../machine/ram.ts';
import { checkPins } from './check-pins.ts';
import type { Problems } from './problems.ts';

const FEATURES = ['sve', 'pauth', 'pmu', 'mte', 'stolenTime'] as const;
const ALL_OFF = { sve: 'off', pauth: 'off', pmu: 'off', mte: 'off', stolenTime: 'off' } as const;

/** Notes what the host lacks; returns what the guest's device tree would be made of. */
export async function checkHost(config: VmConfig, problems: Problems): Promise<GuestFacts> {
  const facts = await checkKvm(config, problems);
  // Memory and CPUs of a host that cannot run it anyhow say nothing.
  if (process.arch === 'arm64') {
    await checkMemory(config, problems);
    checkPins(config, hostCpus(new HostFiles()), problems);
  }
  await checkSockets(config, problems);
  if (passedDevices(config).length > 0) await checkPassed(config, problems);
  return facts;
}

async function checkKvm(config: VmConfig, problems: Problems): Promise<GuestFacts> {
  using kvm = await problems.attempt(() => Kvm.open());
  if (!kvm) return assumedFacts(config);
  const { cpus } = config;
  await problems.attempt(() => checkCpuCount(kvm, cpus.count));
  await problems.attempt(() => chooseIpaBits(kvm, config));
  using vm = kvm.createVm(kvm.ipaBitsMax);
  for (const feature of FEATURES) {
    await problems.attempt(() => chooseFeatures(vm, { ...ALL_OFF, [feature]: cpus[feature] }));
  }
  using gic = await problems.attempt(() => createGuestGic(vm, config));
  // The proof of the whole, whose first error may be one of those above.
  using guest = await problems.attempt(() => new GuestVm(kvm, config));
  const assumed = assumedFacts(config);
  if (!guest) return { ...assumed, ...(gic && { gicVersion: gic.version, hasIts: gic.hasIts }) };
  const { mpidrs, features } = guest;
  return { ...assumed, mpidrs, gicVersion: guest.gic.version, hasIts: guest.gic.hasIts, hasPmu: features.pmu };
}

/** Huge pages are reserved for a moment, prefaulted pages are not touched. */
async function checkMemory(config: VmConfig, problems: Problems): Promise<void> {
  await problems.attempt(() => checkAvailable(config, (message) => problems.warn(message, 'memory')));
  const untouched = { ...config, memory: { ...config.memory, prefault: false } };
  await problems.attempt(() => mapRam(untouched, () => {})[Symbol.dispose]());
}

/** The devices are opened for a moment, which nobody else can be using them for. */
async function checkPassed(config: VmConfig, problems: Problems): Promise<void> {
  const { planPassing } = await import('../machine/passing.ts');
  if (!(await problems.attempt(() => planPassing(config)))) return;
  const { VfioDevices } = await import('../vfio/devices.ts');
  const ram = { name: 'RAM', range: config.memory, pointer: 0n };
  for (const [asked, members] of Map.groupBy(passedDevices(config), ([, device]) => device.interface)) {
    const addresses = members.map(([, { host }]) => host);
    using devices = await problems.attempt(() => new VfioDevices(addresses, asked));
    await problems.attempt(() => devices?.checkReach([ram]));
  }
}

async function checkSockets({ console, controlSocket, name }: VmConfig, problems: Problems): Promise<void> {
  if (console.kind === 'unix' && !problems.concern('console')) {
    await problems.attempt(() => openConsole(console, { onEscape() {}, say() {} })[Symbol.dispose]());
  }
  const uid = process.getuid!();
  if (controlSocket === undefined) {
    await problems.attempt(() => claimSocket(name, socketFolder({ env: process.env, uid }), uid));
  } else if (!problems.concern('control-socket')) {
    await problems.attempt(() => {
      UnixSocket.listen(controlSocket)[Symbol.dispose]();
      unlinkSync(controlSocket);
    });
  }
}
