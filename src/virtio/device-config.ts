/**
 * The config space of a device (virtio 1.4 §2.5): little-endian fields that both sides read and either may change. This is
 * the device's copy, and the one that counts; the transport shows it to the driver.
 */
export class DeviceConfig {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  #publish: () => void = () => {};

  /** `size` bytes, zeroed. The constructor of a device fills `view`, as do its `writeConfig`, `reset` and `placed`. */
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /**
   * Every later change by the device itself: the driver sees all of `change` or nothing of it (ConfigGeneration, §2.5.3),
   * and is told by a configuration change notification.
   */
  update(change: (view: DataView) => void): void {
    change(this.view);
    this.#publish();
  }

  /** For the host of the device: `publish` hands the bytes to the transport. */
  onUpdate(publish: () => void): void {
    this.#publish = publish;
  }
}
