/** /dev/kvm: whether this user may open it, who owns it, and what to do when not. */
import { accessSync, constants, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { HostFiles } from '../host/host-files.ts';
import type { Finding } from './finding.ts';

const PATH = '/dev/kvm';
const PERMISSIONS = 0o777;
const GROUP_READ_WRITE = 0o060;

interface DeviceFile {
  readonly owner: string;
  readonly group: string;
  readonly mode: number;
}

/** Who asks. */
interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export function kvmDeviceFinding(files: HostFiles): Finding {
  const stat = statSync(PATH, { throwIfNoEntry: false });
  const device = stat && {
    owner: nameOf(files, '/etc/passwd', stat.uid),
    group: nameOf(files, '/etc/group', stat.gid),
    mode: stat.mode & PERMISSIONS,
  };
  const groups = process.getgroups!().map((id) => nameOf(files, '/etc/group', id));
  return describeKvmDevice(device, { name: userInfo().username, groups }, isOpenToUs());
}

export function describeKvmDevice(device: DeviceFile | undefined, user: User, usable: boolean): Finding {
  const about = { id: 'dev-kvm', title: PATH };
  if (!device) {
    return {
      ...about,
      severity: 'error',
      value: 'missing',
      consequence: 'no VM can run',
      remedy: 'look for "kvm" in dmesg: the kernel may lack KVM, or firmware did not start it in EL2',
    };
  }
  const value = `${device.owner}:${device.group} ${device.mode.toString(8).padStart(4, '0')}`;
  if (usable) return { ...about, severity: 'ok', value, consequence: `${user.name} may run VMs` };
  return {
    ...about,
    severity: 'error',
    value,
    consequence: `${user.name} (in ${user.groups.join(', ')}) may not open it`,
    remedy: remedyFor(device, user),
  };
}

function remedyFor({ group, mode }: DeviceFile, { name, groups }: User): string {
  const isOpenToGroup = (mode & GROUP_READ_WRITE) === GROUP_READ_WRITE;
  if (isOpenToGroup && group !== 'root' && !groups.includes(group)) {
    return `sudo usermod -aG ${group} ${name}, then log in again`;
  }
  return `give it to a group of ${name}: sudo chgrp kvm ${PATH} && sudo chmod 660 ${PATH}`;
}

function isOpenToUs(): boolean {
  try {
    accessSync(PATH, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The name of a user or group number in a file of lines `name:password:number:…`; the number itself when none. */
function nameOf(files: HostFiles, path: string, id: number): string {
  const line = (files.text(path) ?? '').split('\n').find((entry) => entry.split(':')[2] === String(id));
  return line?.split(':')[0] ?? String(id);
}
