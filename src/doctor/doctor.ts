/** Everything `orko-vmm doctor` knows to ask of a host. */
import { KVM_API_VERSION } from '../abi/kvm.ts';
import { HostError } from '../base/errors.ts';
import { hostCpus } from '../host/cpus.ts';
import { HostFiles } from '../host/host-files.ts';
import { readPlatform } from '../vfio/host-platform.ts';
import { cpuFindings, pageSizeFinding } from './cpu-findings.ts';
import type { Finding } from './finding.ts';
import { kvmDeviceFinding } from './kvm-device-finding.ts';
import { memoryFindings } from './memory-findings.ts';
import { networkFindings } from './network-findings.ts';
import { passthroughFindings } from './passthrough-findings.ts';
import { softwareFindings } from './software-findings.ts';

export interface HostReport {
  /** Whether a VM could run here. */
  readonly canRun: boolean;
  readonly findings: readonly Finding[];
}

export async function examineHost(files = new HostFiles()): Promise<HostReport> {
  const software = await softwareFindings();
  const isWrong = ({ id, severity }: Finding) => severity === 'error' && (id === 'architecture' || id === 'koffi');
  const hardware = software.some(isWrong) ? [] : await hardwareFindings(files);
  const findings = [
    ...[...software, ...hardware, ...memoryFindings(files), ...networkFindings(files)],
    ...passthroughFindings(readPlatform(files.below('sys'))),
  ];
  return { canRun: findings.every(({ severity }) => severity !== 'error'), findings };
}

/** What only an Arm host with a working koffi has. */
async function hardwareFindings(files: HostFiles): Promise<readonly Finding[]> {
  const { pageSize } = await import('../host/page-size.ts');
  const device = kvmDeviceFinding(files);
  const kvm = device.severity === 'error' ? [] : await kvmAnswers();
  return [device, ...kvm, ...cpuFindings(hostCpus(files)), pageSizeFinding(pageSize())];
}

async function kvmAnswers(): Promise<readonly Finding[]> {
  const [{ Kvm }, { kvmFacts }, { kvmFindings }] = await Promise.all([
    import('../kvm/system.ts'),
    import('./kvm-facts.ts'),
    import('./kvm-findings.ts'),
  ]);
  const about = { id: 'kvm', title: 'KVM' };
  try {
    using kvm = Kvm.open();
    const works: Finding = {
      ...about,
      severity: 'ok',
      value: `API ${KVM_API_VERSION}`,
      consequence: 'the one that every Linux since 2.6.22 has',
    };
    return [works, ...kvmFindings(kvmFacts(kvm))];
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return [{ ...about, severity: 'error', value: 'does not work', consequence: error.message }];
  }
}
