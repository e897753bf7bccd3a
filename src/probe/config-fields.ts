/** A config space by the names of its fields (virtio 1.4 §5). */
import {
  VIRTIO_ID_BLOCK,
  VIRTIO_ID_CAN,
  VIRTIO_ID_CONSOLE,
  VIRTIO_ID_FS,
  VIRTIO_ID_GPIO,
  VIRTIO_ID_INPUT,
  VIRTIO_ID_NET,
  VIRTIO_ID_SCSI,
  VIRTIO_ID_SOUND,
  VIRTIO_ID_SPI,
  VIRTIO_ID_VSOCK,
} from '../abi/virtio.ts';
import { virtio_blk_config } from '../abi/virtio-blk.ts';
import { virtio_can_config } from '../abi/virtio-can.ts';
import { virtio_console_config } from '../abi/virtio-console.ts';
import { virtio_fs_config } from '../abi/virtio-fs.ts';
import { virtio_gpio_config } from '../abi/virtio-gpio.ts';
import { virtio_input_config } from '../abi/virtio-input.ts';
import { virtio_net_config } from '../abi/virtio-net.ts';
import { virtio_scsi_config } from '../abi/virtio-scsi.ts';
import { virtio_snd_config } from '../abi/virtio-snd.ts';
import { virtio_spi_config } from '../abi/virtio-spi.ts';
import { virtio_vsock_config } from '../abi/virtio-vsock.ts';
import { type Struct, unpack } from '../base/layout.ts';

const LAYOUTS: Readonly<Record<number, Struct>> = {
  [VIRTIO_ID_BLOCK]: virtio_blk_config,
  [VIRTIO_ID_CAN]: virtio_can_config,
  [VIRTIO_ID_CONSOLE]: virtio_console_config,
  [VIRTIO_ID_FS]: virtio_fs_config,
  [VIRTIO_ID_GPIO]: virtio_gpio_config,
  [VIRTIO_ID_INPUT]: virtio_input_config,
  [VIRTIO_ID_NET]: virtio_net_config,
  [VIRTIO_ID_SCSI]: virtio_scsi_config,
  [VIRTIO_ID_SOUND]: virtio_snd_config,
  [VIRTIO_ID_SPI]: virtio_spi_config,
  [VIRTIO_ID_VSOCK]: virtio_vsock_config,
};

/** The fields that lie in `bytes`, padding aside; arrays as their bytes in hexadecimal. Undefined for a type without a layout. */
export function configFields(id: number, bytes: Uint8Array): Readonly<Record<string, string>> | undefined {
  const layout = LAYOUTS[id];
  if (layout === undefined) return undefined;
  const padded = new Uint8Array(layout.size);
  padded.set(bytes.subarray(0, layout.size));
  const values = unpack(layout, padded);
  const fields = Object.entries(layout.fields)
    .filter(([name, { offset, size }]) => offset + size <= bytes.length && !/^(unused|reserved|padding)/.test(name))
    .map(([name]) => [name, textOf(values[name]!)]);
  return Object.fromEntries(fields);
}

function textOf(value: number | bigint | Uint8Array): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}
