/** How a device in an I/O thread interrupts its driver for used buffers. */
import { VIRTIO_MMIO_INT_VRING } from '../abi/virtio.ts';
import { EventFd } from '../host/eventfd.ts';
import { viewOf } from '../host/libc.ts';
import type { CreateRequest } from './hosted-device.ts';

/** Bit 0 of InterruptStatus first where it is exact, then the eventfd that KVM turns into an interrupt. */
export function createInterrupt({ irq, interruptStatus }: CreateRequest, resources: DisposableStack): () => void {
  const event = new EventFd(irq);
  if (interruptStatus === undefined) return () => event.signal();
  const buffer = viewOf(interruptStatus, Int32Array.BYTES_PER_ELEMENT);
  resources.defer(() => buffer.transfer(0));
  const status = new Int32Array(buffer);
  return () => {
    Atomics.or(status, 0, VIRTIO_MMIO_INT_VRING);
    event.signal();
  };
}
