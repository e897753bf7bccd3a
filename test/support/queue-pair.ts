/** A queue with both its ends: the driver-side simulator, and the device's Virtqueue over the same guest RAM. */
import { type QueueNotes, Virtqueue } from '../../src/virtio/queue.ts';
import type { QueueCounters } from '../../src/virtio/queue-counters.ts';
import type { QueuePlaces, RingFeatures, RingPosition } from '../../src/virtio/ring.ts';
import { DriverQueue, PLAIN } from './driver.ts';
import { GuestRam } from './guest-ram.ts';

export interface QueuePairOptions {
  readonly size?: number;
  readonly features?: Partial<RingFeatures>;
  readonly ram?: GuestRam;
  /** A ring that goes on, as vhost counts. */
  readonly start?: number;
  readonly counters?: QueueCounters;
  readonly notes?: QueueNotes;
  /** The same for the device alone. */
  readonly position?: RingPosition;
  /** What the device is told instead of where the driver has put the ring. */
  readonly places?: QueuePlaces;
}

/** What the queue told its host. */
export interface HostLog {
  interrupts: number;
  starved: number;
  spent: number;
  /** Milliseconds that its clock shows. */
  now: number;
}

export function queuePair(options: QueuePairOptions = {}) {
  const { size = 8, features = {}, ram = new GuestRam(), start, counters } = options;
  const negotiated = { ...PLAIN, ...features };
  const driver = new DriverQueue(ram, size, negotiated, start);
  const log: HostLog = { interrupts: 0, starved: 0, spent: 0, now: 1 };
  const queue = new Virtqueue(ram.memory, {
    index: 0,
    places: options.places ?? driver.places,
    features: negotiated,
    host: {
      interrupt: () => void log.interrupts++,
      starved: () => void log.starved++,
      spent: () => void log.spent++,
      now: () => log.now,
    },
    start: options.position ?? (start === undefined ? undefined : { avail: start, used: start }),
    notes: options.notes,
    counters,
  });
  return { ram, driver, queue, log };
}
