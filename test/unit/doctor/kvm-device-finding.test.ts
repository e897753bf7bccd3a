import { expect, test } from 'vitest';
import { describeKvmDevice } from '../../../src/doctor/kvm-device-finding.ts';

const KVM_GROUP = { owner: 'root', group: 'kvm', mode: 0o660 };
const ADA = { name: 'ada', groups: ['users', 'adm'] };

test('describeKvmDevice: a missing device is an error', () => {
  expect(describeKvmDevice(undefined, ADA, false)).toMatchObject({ severity: 'error', value: 'missing' });
});

test('describeKvmDevice: shows owner and mode of one that opens', () => {
  expect(describeKvmDevice(KVM_GROUP, ADA, true)).toMatchObject({ severity: 'ok', value: 'root:kvm 0660' });
});

test('describeKvmDevice: a user outside the group is told the command', () => {
  expect(describeKvmDevice(KVM_GROUP, ADA, false)).toMatchObject({
    severity: 'error',
    consequence: 'ada (in users, adm) may not open it',
    remedy: 'sudo usermod -aG kvm ada, then log in again',
  });
});

test.each([
  [{ owner: 'root', group: 'root', mode: 0o600 }],
  [{ owner: 'root', group: 'root', mode: 0o660 }],
  [{ owner: 'root', group: 'kvm', mode: 0o600 }],
])('describeKvmDevice: joining a group does not help with %j', (device) => {
  expect(describeKvmDevice(device, ADA, false).remedy).toContain('sudo chgrp kvm /dev/kvm');
});
