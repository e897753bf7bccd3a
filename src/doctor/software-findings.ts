/** The software under orko-vmm: what it must be, and what of it is only good to have. */
import { arch, release } from 'node:os';
import { dtcVersion } from '../host/dtc.ts';
import type { Finding } from './finding.ts';

/** package.json, "engines". */
const NODE_MAJOR_MIN = 24;

export async function softwareFindings(): Promise<readonly Finding[]> {
  return [
    architectureFinding(arch()),
    {
      id: 'kernel',
      title: 'Linux',
      severity: 'ok',
      value: release(),
      consequence: 'what its KVM can do follows from it',
    },
    ...(await runtimeFindings()),
    dtcFinding(dtcVersion()),
  ];
}

/** What orko-vmm itself needs in order to start. */
export async function runtimeFindings(): Promise<readonly Finding[]> {
  return [nodeFinding(process.versions.node), await koffiFinding(), cLibraryFinding(glibcVersion())];
}

export function architectureFinding(architecture: string): Finding {
  const about = { id: 'architecture', title: 'Architecture', value: architecture };
  if (architecture === 'arm64') return { ...about, severity: 'ok', consequence: 'KVM runs Arm guests here' };
  return {
    ...about,
    severity: 'error',
    consequence: 'KVM runs Arm guests on arm64 hosts only',
    remedy: 'use `orko-vmm nested CONFIG`, which brings its own Arm machine',
  };
}

export function nodeFinding(version: string): Finding {
  const about = { id: 'node', title: 'Node', value: version };
  if (Number.parseInt(version, 10) >= NODE_MAJOR_MIN) return { ...about, severity: 'ok', consequence: 'new enough' };
  return {
    ...about,
    severity: 'error',
    consequence: `orko-vmm needs Node ${NODE_MAJOR_MIN}`,
    remedy: `install Node ${NODE_MAJOR_MIN} or newer`,
  };
}

/** Threads without JavaScript are made of makecontext(3) (host/native-thread.ts). */
export function cLibraryFinding(glibc: string | undefined): Finding {
  const about = { id: 'c-library', title: 'C library' };
  if (glibc !== undefined) {
    return { ...about, severity: 'ok', value: `glibc ${glibc}`, consequence: 'vCPU threads need it' };
  }
  return {
    ...about,
    severity: 'error',
    value: 'not glibc',
    consequence: 'vCPU threads need makecontext, which musl does not have',
    remedy: 'use a system with glibc (Debian, Fedora, …) or a container with one',
  };
}

export function dtcFinding(version: string | undefined): Finding {
  const about = { id: 'dtc', title: 'dtc' };
  if (version !== undefined) {
    return { ...about, severity: 'ok', value: version, consequence: 'overlays may be .dts files' };
  }
  return {
    ...about,
    severity: 'note',
    value: 'not installed',
    consequence: 'overlays may be .dtbo files or inline, but not .dts files',
    remedy: 'install it (Debian: device-tree-compiler)',
  };
}

async function koffiFinding(): Promise<Finding> {
  const about = { id: 'koffi', title: 'koffi' };
  try {
    await import('../host/libc.ts');
    return { ...about, severity: 'ok', value: 'loaded', consequence: 'orko-vmm can call the kernel' };
  } catch (error) {
    return {
      ...about,
      severity: 'error',
      value: 'cannot be loaded',
      consequence: `orko-vmm cannot call the kernel: ${(error as Error).message.split('\n', 1)[0]}`,
      remedy: 'install orko-vmm again on this machine: npm picks the koffi of its architecture',
    };
  }
}

function glibcVersion(): string | undefined {
  // Without this the report asks name servers about our sockets. (@types/node does not know the property.)
  const report = Object.assign(process.report, { excludeNetwork: true });
  return (report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime;
}
