import { describe, expect, test } from 'vitest';
import { obstaclesOf, partnersOf } from '../../../src/pci/obstacles.ts';
import type { PciFunction, Platform } from '../../../src/pci/platform.ts';

const CLASS_NVME = 0x01_08_02;
const CLASS_BRIDGE = 0x06_04_00;

function fn(address: string, facts: Partial<PciFunction> = {}): PciFunction {
  return { address, id: '1b36:0010', classCode: CLASS_NVME, behind: [], controller: [], bars: [], ...facts };
}

function platform(functions: readonly PciFunction[], hasIommu = true): Platform {
  return { compatibles: [], hasIommu, functions };
}

describe('obstaclesOf', () => {
  test('none for a device of vfio-pci, alone or with a port and others of vfio-pci in its group', () => {
    const device = fn('0000:01:00.0', { driver: 'vfio-pci', group: '2' });
    const others = [
      fn('0000:00:10.0', { driver: 'pcieport', classCode: CLASS_BRIDGE, group: '2' }),
      fn('0000:01:00.1', { driver: 'nvgrace-gpu-vfio-pci', group: '2' }),
      fn('0000:01:00.2', { group: '2' }),
      fn('0000:02:00.0', { driver: 'nvme', group: '3' }),
    ];
    expect(obstaclesOf(device, platform([device, ...others]))).toEqual([]);
    expect(partnersOf(device, platform([device, ...others])).map(({ address }) => address)).toEqual([
      '0000:01:00.1',
      '0000:01:00.2',
    ]);
  });

  test('a driver of the host: the command takes it off and binds vfio-pci', () => {
    const device = fn('0000:01:00.0', { driver: 'nvme', group: '2' });
    expect(obstaclesOf(device, platform([device]))).toEqual([
      {
        why: 'the driver nvme of the host has it, and it needs vfio-pci',
        remedy:
          'modprobe vfio-pci && echo vfio-pci >/sys/bus/pci/devices/0000:01:00.0/driver_override && echo 0000:01:00.0 >/sys/bus/pci/devices/0000:01:00.0/driver/unbind && echo 0000:01:00.0 >/sys/bus/pci/drivers_probe',
      },
    ]);
  });

  test('no driver, and so no group yet', () => {
    const device = fn('0000:01:00.0');
    const [obstacle] = obstaclesOf(device, platform([device]));
    expect(obstacle!.why).toBe('it has no driver, and it needs vfio-pci');
    expect(obstacle!.remedy).not.toContain('unbind');
  });

  test('another device of its group that the host uses', () => {
    const device = fn('0000:00:1e.0', { driver: 'vfio-pci', group: '10' });
    const other = fn('0000:00:1e.1', { driver: 'virtio-pci', group: '10' });
    const [obstacle, ...more] = obstaclesOf(device, platform([device, other]));
    expect(more).toEqual([]);
    expect(obstacle!.why).toBe('its IOMMU group 10 has devices that the host uses: 0000:00:1e.1 (driver virtio-pci)');
    expect(obstacle!.remedy).toContain('echo 0000:00:1e.1 >/sys/bus/pci/devices/0000:00:1e.1/driver/unbind');
  });

  test('no IOMMU comes before all else; bridges stay', () => {
    const device = fn('0000:01:00.0', { driver: 'nvme' });
    expect(obstaclesOf(device, platform([device], false)).map(({ why }) => why)).toEqual([
      'the host has no IOMMU that is on, so the device could reach all of its memory',
    ]);
    const bridge = fn('0000:00:01.0', { classCode: CLASS_BRIDGE });
    expect(obstaclesOf(bridge, platform([bridge]))[0]!.why).toBe('it is a bridge of the host');
  });
});
