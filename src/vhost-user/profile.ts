/** What a front-end has to know of a device type, since the protocol does not tell: one value for each device of the config. */
import type { Extent } from './display.ts';

export interface DeviceProfile {
  /** VIRTIO_ID_* */
  readonly id: number;
  readonly queueSizes: readonly number[];
  /** What a back-end has to say at least when it is asked for its queues (GET_QUEUE_NUM); some count pairs of them. */
  readonly queueCountMin: number;
  /** A network card with so many pairs of queues: the queue behind them, for commands, is ours. */
  readonly pairs?: number;
  /** The config space: so many bytes of the back-end's, or these, which are ours and which nobody changes. */
  readonly config: { readonly size: number } | { readonly bytes: Uint8Array };
  /** Where the driver may write in it: [offset, length]. Everything else is as if it had not written. */
  readonly writable: readonly (readonly [number, number])[];
  /** What it shows is seen on a display of that size. */
  readonly display?: Extent;
  /** Of the device's own bits: those that are offered by us, whatever the back-end offers, and those that are not offered. */
  readonly ownFeatures: bigint;
  readonly hiddenFeatures: bigint;
  /** Of those that are ours: what a back-end need not know, if it offers them too. */
  readonly secretFeatures: bigint;
  /**
   * When the rings may go on with another back-end by themselves: always, for a request may be carried out twice; while the
   * lost one had none in hand, for it kept nothing else; or never, since it knew more than the next one can (sessions, streams).
   */
  readonly goesOn: 'always' | 'when-idle' | 'never';
  /** Changes config bytes of the back-end's that promise more than the queues that there are. */
  clamp?(config: DataView): void;
}
