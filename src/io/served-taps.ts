/** Who listens in on the connections of a device that another process serves, as its config has it. */
import type { AnyServedKeys } from '../config/served-types.ts';
import { Faults } from '../vhost-user/faults.ts';
import { Recorder } from '../vhost-user/recorder.ts';
import type { Tap } from '../vhost-user/tap.ts';

interface Options {
  /** The device's name and VIRTIO_ID_*. */
  readonly name: string;
  readonly id: number;
  nowMs(): number;
  log(message: string): void;
  /** A fault was made on purpose. */
  note(text: string): void;
  /** Ends the connection, at a moment of its own. */
  cut(reason: string): void;
}

export class ServedTaps {
  readonly recorder: Recorder | undefined;
  readonly faults: Faults | undefined;

  constructor(
    { record, faults }: AnyServedKeys,
    { name, id, nowMs, log, note, cut }: Options,
    resources: DisposableStack,
  ) {
    if (record !== undefined) {
      const keyPath = `devices.${name}.record`;
      this.recorder = resources.use(new Recorder({ path: record, keyPath, device: name, id, nowMs, log }));
    }
    if (!Faults.isAny(faults)) return;
    const noteFault = (text: string) => {
      this.recorder?.note(text);
      note(text);
    };
    this.faults = new Faults(faults, { cut, note: noteFault }, this.recorder);
  }

  /** The one that hears first. */
  get tap(): Tap | undefined {
    return this.faults ?? this.recorder;
  }

  connected(to: string): void {
    this.recorder?.connected(to);
    this.faults?.connected();
  }
}
