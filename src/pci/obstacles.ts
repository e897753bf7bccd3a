/** What keeps a function of the host from being given to a guest, and the commands that take it out of the way (docs/passthrough.md). */
import { isBridge, type PciFunction, type Platform } from './platform.ts';

export interface Obstacle {
  /** Why not, to finish "it cannot be passed through: …". */
  readonly why: string;
  /** What to do: a command for root's shell, or a sentence. */
  readonly remedy: string;
}

/** vfio-pci, and the drivers for single devices that do the same. */
const VFIO_DRIVER = /^vfio-pci$|[-_]vfio[-_]pci$|^nvgrace-gpu-vfio-pci$/;
/** Who may have other devices of a group: those that let nobody else use them, and the ports of the host. */
const HARMLESS_DRIVER = /^(pci-stub|pcieport|shpchp)$/;

/** In the order in which they are to be dealt with; none: a guest can have it. */
export function obstaclesOf(device: PciFunction, platform: Platform): readonly Obstacle[] {
  if (isBridge(device)) return [{ why: 'it is a bridge of the host', remedy: 'pass the devices behind it through' }];
  if (!platform.hasIommu) return [NO_IOMMU];
  const obstacles: Obstacle[] = [];
  if (!isForGuests(device)) {
    const holder = device.driver === undefined ? 'it has no driver' : `the driver ${device.driver} of the host has it`;
    obstacles.push({ why: `${holder}, and it needs vfio-pci`, remedy: bindCommand([device]) });
  }
  const others = partnersOf(device, platform).filter((other) => other.driver !== undefined && !isForGuests(other));
  if (others.length > 0) {
    const names = others.map(({ address, driver }) => `${address} (driver ${driver})`).join(', ');
    obstacles.push({
      why: `its IOMMU group ${device.group} has devices that the host uses: ${names}`,
      remedy: `${bindCommand(others)}, or put it into another slot`,
    });
  }
  return obstacles;
}

/** Other functions that the host cannot keep apart from it; ports of the host may stay. */
export function partnersOf(device: PciFunction, { functions }: Platform): readonly PciFunction[] {
  if (device.group === undefined) return [];
  return functions.filter(
    (other) => other !== device && other.group === device.group && !HARMLESS_DRIVER.test(other.driver ?? ''),
  );
}

const NO_IOMMU: Obstacle = {
  why: 'the host has no IOMMU that is on, so the device could reach all of its memory',
  remedy:
    'turn the IOMMU (SMMU) on in the firmware, or take iommu.passthrough and arm-smmu options off the command line of the host; some boards have none',
};

function isForGuests({ driver }: PciFunction): boolean {
  return VFIO_DRIVER.test(driver ?? '');
}

/** For root's shell. */
function bindCommand(devices: readonly PciFunction[]): string {
  const words = devices.flatMap(({ address, driver }) => {
    const folder = `/sys/bus/pci/devices/${address}`;
    const unbind = driver === undefined ? [] : [`echo ${address} >${folder}/driver/unbind`];
    return [`echo vfio-pci >${folder}/driver_override`, ...unbind, `echo ${address} >/sys/bus/pci/drivers_probe`];
  });
  return ['modprobe vfio-pci', ...words].join(' && ');
}
