/**
 * The profile of each device type that another process may serve. Config spaces are those of the specification (virtio 1.4 §5);
 * where a size is smaller than that, it is all that the known back-ends have.
 */

import {
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_ORDER_PLATFORM,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_VERSION_1,
  VIRTIO_ID_BLOCK,
  VIRTIO_ID_CAN,
  VIRTIO_ID_CLOCK,
  VIRTIO_ID_CONSOLE,
  VIRTIO_ID_FS,
  VIRTIO_ID_GPIO,
  VIRTIO_ID_GPU,
  VIRTIO_ID_I2C_ADAPTER,
  VIRTIO_ID_INPUT,
  VIRTIO_ID_NET,
  VIRTIO_ID_RNG,
  VIRTIO_ID_SCMI,
  VIRTIO_ID_SCSI,
  VIRTIO_ID_SOUND,
  VIRTIO_ID_SPI,
  VIRTIO_ID_VSOCK,
  VIRTIO_RING_F_EVENT_IDX,
  VIRTIO_RING_F_INDIRECT_DESC,
} from '../abi/virtio.ts';
import { virtio_blk_config } from '../abi/virtio-blk.ts';
import { virtio_can_config } from '../abi/virtio-can.ts';
import { virtio_console_config } from '../abi/virtio-console.ts';
import { virtio_fs_config } from '../abi/virtio-fs.ts';
import { virtio_gpio_config } from '../abi/virtio-gpio.ts';
import {
  VIRTIO_GPU_F_BLOB_ALIGNMENT,
  VIRTIO_GPU_F_CONTEXT_INIT,
  VIRTIO_GPU_F_EDID,
  VIRTIO_GPU_F_RESOURCE_BLOB,
  VIRTIO_GPU_F_RESOURCE_UUID,
  VIRTIO_GPU_F_VIRGL,
  virtio_gpu_config,
} from '../abi/virtio-gpu.ts';
import { virtio_input_config } from '../abi/virtio-input.ts';
import {
  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_RX,
  VIRTIO_NET_F_CTRL_RX_EXTRA,
  VIRTIO_NET_F_CTRL_VLAN,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_GUEST_ANNOUNCE,
  VIRTIO_NET_F_HASH_REPORT,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_NOTF_COAL,
  VIRTIO_NET_F_RSS,
  VIRTIO_NET_F_STATUS,
  VIRTIO_NET_F_VQ_NOTF_COAL,
  VIRTIO_NET_S_LINK_UP,
  virtio_net_config,
} from '../abi/virtio-net.ts';
import { virtio_scsi_config } from '../abi/virtio-scsi.ts';
import { virtio_snd_config } from '../abi/virtio-snd.ts';
import { virtio_spi_config } from '../abi/virtio-spi.ts';
import { virtio_vsock_config } from '../abi/virtio-vsock.ts';
import { assert } from '../base/assert.ts';
import { pack } from '../base/layout.ts';
import type { AnyServedKeys } from '../config/served-types.ts';
import { CONTROL_QUEUE_SIZE } from '../devices/net-control.ts';
import { STEERING_FEATURES } from '../devices/net-steering.ts';
import type { DeviceProfile } from '../vhost-user/profile.ts';
import { features } from '../virtio/features.ts';

/** virtio 1.4 §5.2.4 up to write_zeroes_may_unmap: back-ends refuse to show more than they know. */
const BLK_CONFIG_BYTES = 60;
/** Without `controls`, which belongs to VIRTIO_SND_F_CTLS (virtio 1.4 §5.14.4). */
const SOUND_CONFIG_BYTES = virtio_snd_config.fields.controls.offset;
/** Control queues are the front-end's business, and ours knows one command: how many pairs are used. */
const NET_CONTROL = features(
  ...[VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_RX_EXTRA],
  ...[VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_GUEST_ANNOUNCE],
  ...[VIRTIO_NET_F_MQ, VIRTIO_NET_F_RSS, VIRTIO_NET_F_HASH_REPORT, VIRTIO_NET_F_NOTF_COAL, VIRTIO_NET_F_VQ_NOTF_COAL],
);

/** What needs more of a display than that it takes pixels: an EDID, or memory of a GPU. */
const GPU_MORE = features(
  ...[VIRTIO_GPU_F_VIRGL, VIRTIO_GPU_F_EDID, VIRTIO_GPU_F_RESOURCE_UUID, VIRTIO_GPU_F_RESOURCE_BLOB],
  ...[VIRTIO_GPU_F_CONTEXT_INIT, VIRTIO_GPU_F_BLOB_ALIGNMENT],
);

/** Bits of device types (virtio 1.4 §2.2): 0 to 23, and from 50 on what 64 bits can say. */
const DEVICE_FEATURES = (1n << 24n) - 1n + (((1n << 14n) - 1n) << 50n);
/** Of rings and transport: those that are the driver's and the back-end's business alone. */
const RING_FEATURES = features(
  ...[VIRTIO_F_VERSION_1, VIRTIO_RING_F_INDIRECT_DESC, VIRTIO_RING_F_EVENT_IDX],
  ...[VIRTIO_F_IN_ORDER, VIRTIO_F_ORDER_PLATFORM],
);
const PACKED = features(VIRTIO_F_RING_PACKED);

const NOTHING_SPECIAL = {
  config: { size: 0 },
  writable: [],
  ownFeatures: 0n,
  hiddenFeatures: 0n,
  secretFeatures: 0n,
  goesOn: 'never',
} as const;

/** The profile of the device `name`. */
export function profileOf(keys: AnyServedKeys, name: string): DeviceProfile {
  const queues = (count: number) => Array.from({ length: count }, () => keys.queueSize);
  const device = (id: number, queueCount: number, more: Partial<DeviceProfile> = {}): DeviceProfile => ({
    ...{ id, queueSizes: queues(queueCount), queueCountMin: queueCount },
    ...NOTHING_SPECIAL,
    ...more,
  });
  switch (keys.type) {
    case 'blk': {
      const { wce, num_queues } = virtio_blk_config.fields;
      return device(VIRTIO_ID_BLOCK, keys.queues, {
        config: { size: BLK_CONFIG_BYTES },
        goesOn: 'when-idle',
        writable: [[wce.offset, wce.size]],
        clamp: (view) => lower(view, num_queues.offset, keys.queues),
      });
    }
    case 'can':
      return device(VIRTIO_ID_CAN, 3, { config: { size: virtio_can_config.size } });
    case 'console':
      return device(VIRTIO_ID_CONSOLE, 4, { config: { size: virtio_console_config.size } });
    case 'fs': {
      const tag = new TextEncoder().encode(keys.tag ?? name);
      const bytes = pack(virtio_fs_config, { tag, num_request_queues: keys.queues });
      // The first queue is for what must not wait behind others (virtio 1.4 §5.11.2).
      return device(VIRTIO_ID_FS, 1 + keys.queues, { config: { bytes } });
    }
    case 'gpio':
      return device(VIRTIO_ID_GPIO, 2, { config: { size: virtio_gpio_config.size } });
    case 'gpu': {
      const { events_clear, num_scanouts, blob_alignment } = virtio_gpu_config.fields;
      return device(VIRTIO_ID_GPU, 2, {
        // Up to what belongs to VIRTIO_GPU_F_BLOB_ALIGNMENT.
        config: { size: blob_alignment.offset },
        writable: [[events_clear.offset, events_clear.size]],
        // How many displays there are the back-end leaves to us.
        clamp: (view) => view.setUint32(num_scanouts.offset, 1, true),
        display: { width: keys.width, height: keys.height },
        hiddenFeatures: GPU_MORE,
      });
    }
    case 'i2c':
      return device(VIRTIO_ID_I2C_ADAPTER, 1, { goesOn: 'when-idle' });
    case 'input': {
      const { select, subsel } = virtio_input_config.fields;
      return device(VIRTIO_ID_INPUT, 2, {
        config: { size: virtio_input_config.size },
        writable: [[select.offset, select.size + subsel.size]],
        goesOn: 'always',
      });
    }
    case 'net':
      assert(keys.mac !== undefined, 'a card has an address once its config was interpreted');
      return device(VIRTIO_ID_NET, 2, {
        ...(keys.queues > 1 && {
          queueSizes: [...queues(2 * keys.queues), CONTROL_QUEUE_SIZE],
          pairs: keys.queues,
        }),
        // DPDK and passt count pairs.
        queueCountMin: keys.queues,
        config: { bytes: netConfig(keys.mac, keys.queues) },
        ownFeatures: features(VIRTIO_NET_F_MAC, VIRTIO_NET_F_STATUS) | (keys.queues > 1 ? STEERING_FEATURES : 0n),
        hiddenFeatures: NET_CONTROL,
        secretFeatures: features(VIRTIO_NET_F_CTRL_VQ),
        // A packet that is lost or comes twice is nothing to a network.
        goesOn: 'always',
      });
    case 'rng':
      return device(VIRTIO_ID_RNG, 1, { goesOn: 'always' });
    case 'rtc':
      return device(VIRTIO_ID_CLOCK, 2);
    case 'scmi':
      return device(VIRTIO_ID_SCMI, 2);
    case 'scsi': {
      const { num_queues, sense_size, cdb_size } = virtio_scsi_config.fields;
      return device(VIRTIO_ID_SCSI, 3, {
        config: { size: virtio_scsi_config.size },
        writable: [[sense_size.offset, sense_size.size + cdb_size.size]],
        clamp: (view) => view.setUint32(num_queues.offset, 1, true),
      });
    }
    case 'sound':
      return device(VIRTIO_ID_SOUND, 4, { config: { size: SOUND_CONFIG_BYTES } });
    case 'spi':
      return device(VIRTIO_ID_SPI, 1, { config: { size: virtio_spi_config.size }, goesOn: 'when-idle' });
    case 'vsock':
      return device(VIRTIO_ID_VSOCK, 3, { config: { size: virtio_vsock_config.size } });
    case 'vhost-user':
      return device(keys.id, keys.queues, {
        config: { size: keys.configSize },
        // Of a device that nobody here knows, all of it is the back-end's.
        writable: [[0, keys.configSize]],
      });
  }
}

/** What the driver is offered, where a back-end offers `features`. */
export function offeredFeatures(profile: DeviceProfile, features: bigint, isPacked: boolean): bigint {
  const passed = DEVICE_FEATURES | RING_FEATURES | (isPacked ? PACKED : 0n);
  return (features & passed & ~profile.hiddenFeatures) | profile.ownFeatures;
}

function netConfig(mac: string, pairs: number): Uint8Array {
  const bytes = Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16));
  return pack(virtio_net_config, { mac: bytes, status: VIRTIO_NET_S_LINK_UP, max_virtqueue_pairs: pairs });
}

function lower(view: DataView, offset: number, max: number): void {
  view.setUint16(offset, Math.min(view.getUint16(offset, true), max), true);
}
