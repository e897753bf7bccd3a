/** Devices of the hosts that are there to be given to guests (src/nested/passthrough-devices.ts), as `orko-vmm doctor` says how to free them. */

/** A command for the host's shell: binds a device that no driver has to vfio-pci, be that a module or in the kernel. */
export function bindCommand(address: string): string {
  const device = `/sys/bus/pci/devices/${address}`;
  return `{ modprobe vfio-pci || [ -e /sys/bus/pci/drivers/vfio-pci ]; } && echo vfio-pci >${device}/driver_override && { test -e ${device}/driver || echo ${address} >/sys/bus/pci/drivers_probe; }`;
}
