/**
 * The config file of a VM: one table of every key with its kind, unit, default and help. The types, the parser, the JSON
 * Schema, docs/configuration.md and `--set` are derived from it; nothing about a key is written anywhere else.
 */
import { GiB, KiB, MiB, TiB } from '../base/units.ts';
import { CONSOLE_ENDPOINT } from './console-endpoint.ts';
import { DEVICE_TYPES } from './device-types.ts';
import {
  choice,
  cpuList,
  devices,
  endpoint,
  flag,
  integer,
  type ObjectValue,
  object,
  overlays,
  type PathField,
  path,
  size,
  text,
} from './kinds.ts';
import { SERVED_TYPES } from './served-types.ts';
import type { Place } from './source.ts';

/** The most vCPUs that KVM's GICv3 carries (VGIC_V3_MAX_CPUS, include/kvm/arm_vgic.h); the host may allow fewer. */
const CPU_COUNT_MAX = 512;
/** RAM starts above the devices: 1 GiB is the end of the device area in the guest memory map. */
const RAM_BASE_MIN = 1 * GiB;
/** The widest guest physical address with 4 KiB pages and no LPA2 is 48 bits. */
const RAM_BASE_MAX = 2 ** 47;
/** COMMAND_LINE_SIZE of arm64 Linux is 2048 with the terminating zero; the kernel cuts what is longer. */
const COMMAND_LINE_LENGTH_MAX = 2047;

/** A processor or controller feature: used where the host has it, demanded, or hidden from the guest. */
const AUTO_ON_OFF = ['auto', 'on', 'off'] as const;
const feature = <const Default extends 'auto' | 'on' | 'off'>(what: string, defaultTo: Default, examples: string[]) =>
  choice({
    choices: AUTO_ON_OFF,
    default: defaultTo,
    examples,
    help: `${what} \`auto\` uses it when the host has it, \`on\` refuses to start without it, \`off\` hides it from the guest.`,
  });

export const CONFIG = object({
  help: 'One virtual machine. Relative paths are relative to this file.',
  keys: {
    name: text({
      pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      patternHelp: 'up to 64 letters, digits, dots, dashes and underscores that begin with a letter or digit',
      defaultHelp: 'the name of the file without its extension',
      default: '',
      examples: ['bench-board'],
      help: 'What the VM is called in messages, in `orko-vmm list`, and by `orko-vmm ctl NAME`.',
    }),
    cpus: object({
      short: 'count',
      examples: ['2', '{ count: 4, pin: 0-3, sve: off }'],
      help: 'The virtual CPUs. A number alone is their count.',
      keys: {
        count: integer({
          min: 1,
          max: CPU_COUNT_MAX,
          unit: 'vCPUs',
          default: 1,
          examples: ['4'],
          help: 'How many vCPUs the guest has. GICv2 carries at most 8; KVM says how many the host allows (`orko-vmm doctor`).',
        }),
        pin: cpuList({
          examples: ['0-3', '[0, 2, 4-5]'],
          defaultHelp: 'not pinned',
          help: 'The host CPUs to run on, one for each vCPU, in order. On a host with unlike cores (big.LITTLE) pin all vCPUs to cores of one kind.',
        }),
        sve: feature('Scalable vectors (SVE).', 'auto', ['off']),
        pauth: feature('Pointer authentication.', 'auto', ['off']),
        pmu: feature('The performance counters (PMUv3).', 'auto', ['off']),
        mte: feature('Memory tagging (MTE). Guest RAM then cannot be shared with other processes.', 'off', ['auto']),
        'stolen-time': feature('Reports of the time during which a vCPU was ready but the host ran others.', 'auto', [
          'off',
        ]),
      },
    }),
    memory: object({
      short: 'size',
      examples: ['512M', '{ size: 4G, hugepages: 2M, prefault: true }'],
      help: 'Guest RAM. A size alone is its size.',
      keys: {
        size: size({
          min: 2 * MiB,
          max: 16 * TiB,
          multipleOf: 2 * MiB,
          default: 512 * MiB,
          unit: 'bytes',
          examples: ['512M', '64G'],
          help: 'How much RAM the guest has: a multiple of 2M. Host memory is taken only when the guest touches it, unless `prefault` or `hugepages` say otherwise.',
        }),
        base: size({
          min: RAM_BASE_MIN,
          max: RAM_BASE_MAX,
          multipleOf: 2 * MiB,
          default: RAM_BASE_MIN,
          address: true,
          examples: ['0x80000000'],
          help: 'The guest address where RAM begins: a multiple of 2M, not below 1G. 0x80000000 suits guests that carry the PCIe workaround for Ampere Altra.',
        }),
        hugepages: size({
          min: 0,
          max: 16 * GiB,
          only: [0, 64 * KiB, 2 * MiB, 32 * MiB, 512 * MiB, 1 * GiB, 16 * GiB],
          default: 0,
          unit: 'bytes',
          examples: ['2M', 'off'],
          help: 'Take RAM from the huge-page pool of this page size, all of it at start. `off` leaves it to transparent huge pages.',
        }),
        prefault: flag({
          default: false,
          examples: ['true'],
          help: 'Take all RAM at start, so that memory the host does not have is an error then and not later. RAM that back-ends see is then on transparent huge pages, also where the host has `shmem_enabled` at `never`, which spares the guest most page faults.',
        }),
      },
    }),
    kernel: object({
      short: 'image',
      examples: ['Image', '{ image: Image, initrd: initramfs.cpio.gz, cmdline: "console=ttyAMA0 root=/dev/vda" }'],
      help: 'What to boot. A path alone is the image.',
      keys: {
        image: path({
          required: true,
          access: 'read',
          examples: ['Image'],
          help: 'The kernel: an arm64 `Image`, plain or wrapped (gzip, zstd, EFI zboot), or a raw binary.',
        }),
        initrd: path({
          access: 'read',
          defaultHelp: 'none',
          examples: ['initramfs.cpio.gz'],
          help: 'The initial RAM disk.',
        }),
        cmdline: text({
          default: '',
          lengthMax: COMMAND_LINE_LENGTH_MAX,
          defaultHelp: 'empty',
          examples: ['"console=ttyAMA0 root=/dev/vda"'],
          help: 'The kernel command line, at most 2047 characters.',
        }),
        format: choice({
          choices: ['auto', 'raw'],
          default: 'auto',
          examples: ['raw'],
          meanings: {
            auto: 'look at the first bytes of the file',
            raw: 'load it unchanged 512 KiB above the start of RAM and jump to its first byte with x0 = device tree',
          },
          help: 'How the image is loaded.',
        }),
      },
    }),
    console: endpoint({
      ...CONSOLE_ENDPOINT,
      default: 'stdio',
      examples: ['stdio', 'pty', 'file:console.log', 'unix:console.sock', 'none'],
      help: "Where the guest's first serial port (PL011, ttyAMA0) leads.",
    }),
    gic: choice({
      choices: ['auto', 'v3', 'v2'],
      default: 'auto',
      examples: ['v2'],
      meanings: {
        auto: 'v3 where the host has it, otherwise v2',
        v3: 'GICv3, refuse to start without it',
        v2: 'GICv2 with GICv2m, at most 8 vCPUs',
      },
      help: 'The interrupt controller.',
    }),
    its: feature('The interrupt translation service of GICv3 (message-signalled interrupts).', 'auto', ['off']),
    'register-pages': choice({
      choices: AUTO_ON_OFF,
      default: 'auto',
      examples: ['off'],
      meanings: {
        auto: "where the host's KVM has read-only memory slots; without FEAT_S2FWB not for devices with `interrupt: strict`",
        on: 'the same, and refuse to start where KVM has none',
        off: 'never: every read of a register leaves the guest',
      },
      help: 'Whether the guest reads device registers from a page of memory instead of leaving to us.',
    }),
    nisv: choice({
      choices: ['emulate', 'inject', 'stop'],
      default: 'emulate',
      examples: ['stop'],
      meanings: {
        emulate: 'carry the instruction out; the guest gets an external abort where that cannot be',
        inject: 'give the guest an external abort, as QEMU does',
        stop: 'end the run with a report',
      },
      help: 'What to do when the guest accesses a device with an instruction that hardware does not decode for us: pairs, vectors, write-back of the base, `DC ZVA` (docs/device-memory.md).',
    }),
    'scratch-device': flag({
      default: false,
      examples: ['true'],
      help: 'Gives the guest 64 KiB at 0x0b000000 of which the first half keeps what is written and the second says which accesses arrived, with their widths and in their order: to try drivers and bare-metal code against memory that always exits (docs/device-memory.md).',
    }),
    overlays: overlays({
      default: [],
      defaultHelp: 'none',
      examples: ['[board.dtbo]', '[{ /chosen: { "my,option": [1, 2] } }]'],
      help: 'Changes to the device tree, applied in order: paths of `.dtbo` files (or `.dts`, compiled with `dtc` where that is installed), or trees written right here. In those, a key on top is the path, label or alias of a node; below it a mapping is a node, a number or a list of numbers is cells, a text or a list of texts is strings, `true` is a property without a value and `false` takes a property or node away; `{ ref: LABEL }`, `{ u64: NUMBER }` and `{ bytes: "00 1f" }` are values too.',
    }),
    'on-panic': choice({
      choices: ['exit', 'reboot', 'continue'],
      default: 'exit',
      examples: ['reboot'],
      meanings: {
        exit: 'end with the exit code for a guest panic',
        reboot: 'reboot the VM',
        continue: 'leave it to the guest (`panic=` on its command line, or a crash kernel)',
      },
      help: 'What to do when the guest reports a panic.',
    }),
    'on-reboot': choice({
      choices: ['reboot', 'exit'],
      default: 'reboot',
      examples: ['exit'],
      meanings: { reboot: 'reboot the VM in this process', exit: 'end with the exit code for a guest reset' },
      help: 'What to do when the guest asks for a reset.',
    }),
    'stop-timeout-s': integer({
      min: 0,
      max: 3600,
      unit: 'seconds',
      default: 30,
      examples: ['5'],
      help: 'How long a guest whose power key was pressed (SIGTERM, SIGINT, `orko-vmm ctl NAME powerkey`) may take before it is stopped hard. 0 stops it hard at once.',
    }),
    'control-socket': path({
      access: 'socket',
      examples: ['/run/bench-board.sock'],
      defaultHelp: '`NAME.sock` in the runtime directory, where `orko-vmm list` looks',
      help: 'The Unix socket that `orko-vmm ctl` speaks to.',
    }),
    devices: devices({
      types: DEVICE_TYPES,
      served: SERVED_TYPES,
      defaultHelp: 'none',
      help: 'The devices, each with a name of your choice. Names appear in messages and in `--set devices.NAME.KEY=VALUE`; `type` decides which other keys there are, and a `backend` that another process serves it.',
    }),
  },
});

/** A file or socket that the config names. */
export interface NamedPath {
  /** Absolute. */
  readonly path: string;
  readonly access: PathField['access'];
  readonly keyPath: string;
}

/** The config after parsing: every key present, sizes in bytes, paths absolute. Plain data: it can be sent to a worker. */
export type VmConfig = ObjectValue<typeof CONFIG.keys> & {
  /** As the user named it, and the directory that relative paths start from. */
  readonly file: string;
  readonly directory: string;
  /** Every path in the config, for checks before the start and for carrying them into the nested machine. */
  readonly paths: readonly NamedPath[];
  /** Where each key stands, by key path: the file (or `--set`) and the line. Use `placeOf`. */
  readonly places: Readonly<Record<string, Place>>;
};
