/**
 * The device types that another process may serve: those with a `backend`, one line each. A type that also stands in
 * device-types.ts is one of our own without it.
 */
import { served } from './devices/backend.ts';
import { MAC, pairsKey } from './devices/net.ts';
import type { ObjectField, ObjectValue } from './kinds.ts';
import { integer, text } from './kinds.ts';

/** As many as a guest of our largest kind has vCPUs for. */
const QUEUES_MAX = 64;
/** Queues that vhost-user can tell apart ("SET_VRING_KICK": bits 0…7), and the ids of virtio (1.4 §5). */
const RINGS_MAX = 256;
const DEVICE_ID_MAX = 63;
/** What fits behind the registers of virtio-mmio in a page of 512 bytes (virtio 1.4 §4.2.2). */
const CONFIG_BYTES_MAX = 256;

const queues = integer({
  min: 1,
  max: QUEUES_MAX,
  default: 1,
  unit: 'queues',
  examples: ['4'],
  help: 'How many request queues there are; the back-end has to have as many.',
});

const side = <const Default extends number>(which: string, standard: Default) =>
  integer({
    min: 64,
    max: 8192,
    default: standard,
    unit: 'pixels',
    examples: ['1280'],
    help: `How ${which} the display is that the guest is told of. \`orko-vmm ctl NAME device DEVICE screenshot FILE\` shows what is on it.`,
  });

export const SERVED_TYPES = {
  blk: served('A disk that another process serves, as qemu-storage-daemon does.', 128, { queues }),
  can: served('A CAN controller, as vhost-device-can serves it.', 64, {}),
  console: served('A console, as vhost-device-console serves it.', 64, {}),
  // Linux puts no more pages into one request than fit the ring: with 128 entries 496 KiB, with these all that FUSE has, 1 MiB.
  fs: served('A folder of the host as a file system (virtiofs), as virtiofsd serves it.', 1024, {
    tag: text({
      pattern: /^[\x21-\x7e]{1,36}$/,
      patternHelp: 'up to 36 ASCII characters without spaces',
      defaultHelp: "the device's name",
      examples: ['share'],
      help: 'The name under which the guest mounts it: `mount -t virtiofs TAG /mnt`.',
    }),
    queues,
  }),
  gpio: served('A GPIO controller, as vhost-device-gpio serves it.', 256, {}),
  gpu: served('A graphics adapter with one display, in two dimensions, as vhost-user-gpu of QEMU serves it.', 256, {
    width: side('wide', 1024),
    height: side('high', 768),
  }),
  i2c: served('An I2C adapter, as vhost-device-i2c serves it.', 64, {}),
  input: served('A keyboard, mouse or touch screen, as vhost-device-input serves it.', 64, {}),
  net: served('A network card that another process serves, as passt does with `--vhost-user`.', 256, {
    mac: MAC,
    queues: pairsKey('The back-end has to have as many.'),
  }),
  rng: served('Entropy from another process, as vhost-device-rng serves it.', 64, {}),
  rtc: served('Clocks of another process, as vhost-device-rtc serves them.', 64, {}),
  scmi: served('An SCMI platform (sensors, clocks, power), as vhost-device-scmi serves it.', 64, {}),
  scsi: served('A SCSI host with disks, as vhost-device-scsi serves it.', 128, {}),
  sound: served('A sound card, as vhost-device-sound serves it.', 64, {}),
  spi: served('An SPI controller, as vhost-device-spi serves it.', 64, {}),
  vsock: served('Sockets between guest and host, as vhost-device-vsock serves them.', 128, {}),
  'vhost-user': served('A device of any type: what the protocol does not tell stands here.', 64, {
    id: integer({
      min: 1,
      max: DEVICE_ID_MAX,
      required: true,
      examples: ['34'],
      help: 'The virtio device id.',
    }),
    queues: integer({
      min: 1,
      max: RINGS_MAX,
      required: true,
      unit: 'queues',
      examples: ['2'],
      help: 'How many queues it has.',
    }),
    'config-size': integer({
      min: 0,
      max: CONFIG_BYTES_MAX,
      default: 0,
      unit: 'bytes',
      examples: ['8'],
      help: 'How large its config space is.',
    }),
  }),
} as const satisfies Record<string, ObjectField>;

export type ServedType = keyof typeof SERVED_TYPES;

/** The keys of one device of that type, after parsing. */
export type ServedKeys<Type extends ServedType> = { readonly type: Type } & ObjectValue<
  (typeof SERVED_TYPES)[Type]['keys']
>;
/** Those of one of them. */
export type AnyServedKeys = { [Type in ServedType]: ServedKeys<Type> }[ServedType];
