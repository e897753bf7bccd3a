import { expect, test } from 'vitest';
import { passthroughFindings } from '../../../src/doctor/passthrough-findings.ts';
import type { PciFunction, Platform } from '../../../src/pci/platform.ts';

const nvme: PciFunction = {
  address: '0000:01:00.0',
  id: '1b36:0010',
  classCode: 0x01_08_02,
  driver: 'nvme',
  group: '2',
  behind: [],
  controller: [],
  bars: [],
};
const bridge: PciFunction = { ...nvme, address: '0000:00:01.0', classCode: 0x06_04_00, driver: 'pcieport' };

function findings(functions: readonly PciFunction[], hasIommu = true) {
  const platform: Platform = { compatibles: [], hasIommu, functions };
  return passthroughFindings(platform).map(({ id, severity, consequence, remedy }) => ({
    id,
    severity,
    consequence,
    remedy,
  }));
}

test('nothing is said of a host without PCI, or with bridges alone', () => {
  expect(passthroughFindings(undefined)).toEqual([]);
  expect(findings([bridge])).toEqual([]);
});

test('without an IOMMU the remedy is said once', () => {
  expect(findings([bridge, nvme], false)).toEqual([
    {
      id: 'iommu',
      severity: 'note',
      consequence: 'no PCI device can be passed through',
      remedy: 'turn the IOMMU (SMMU) on in the firmware; some boards have none',
    },
    {
      id: 'pci-0000:01:00.0',
      severity: 'note',
      consequence: 'no guest can have it without an IOMMU',
      remedy: undefined,
    },
  ]);
});

test('a device of the host comes with the commands that free it, one of vfio-pci can be had', () => {
  const [iommu, held] = findings([bridge, nvme]);
  expect(iommu).toMatchObject({ severity: 'ok', remedy: undefined });
  expect(held).toMatchObject({
    severity: 'note',
    consequence: 'no guest can have it: the driver nvme of the host has it, and it needs vfio-pci',
    remedy: expect.stringContaining('echo 0000:01:00.0 >/sys/bus/pci/devices/0000:01:00.0/driver/unbind'),
  });
  const [, free] = findings([bridge, { ...nvme, driver: 'vfio-pci' }]);
  expect(free).toMatchObject({ severity: 'ok', consequence: 'a guest can have it (type: vfio)', remedy: undefined });
});
