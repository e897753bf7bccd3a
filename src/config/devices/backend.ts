/** `backend:` of a device that another process serves over vhost-user, and what such devices have in common. */
import { choice, type Field, integer, map, object, path, text, texts } from '../kinds.ts';
import { SHARED_MEMORY } from '../shared-memory.ts';
import { COMMON_KEYS, queueSizeKey } from './common.ts';

/** As long as `reply-timeout-s` may be, so that what is too late can be tried too. */
const FAULT_MS_MAX = 600_000;

export const BACKEND = object({
  short: 'socket',
  examples: ['/run/i2c.sock0', '{ command: [virtiofsd, --socket-path, "{socket}", --shared-dir, /srv] }'],
  help: 'The process that serves the device over vhost-user: one of `socket`, `listen` and `command` says how it is reached. `memory` says what it sees of the guest. A path alone is the `socket`.',
  keys: {
    socket: path({
      access: 'connect',
      defaultHelp: 'none',
      examples: ['/run/i2c.sock0'],
      help: 'The Unix socket at which the back-end listens. It need not be there yet: the VM starts once it is.',
    }),
    listen: path({
      access: 'socket',
      defaultHelp: 'none',
      examples: ['/run/net0.sock'],
      help: 'A Unix socket that is made for the back-end to connect to.',
    }),
    command: texts({
      default: [],
      defaultHelp: 'none',
      pattern: /^[^\0]+$/,
      patternHelp: 'a word of a command line',
      examples: ['[virtiofsd, --socket-path, "{socket}", --shared-dir, /srv]'],
      help: 'The program to start, and its arguments. `{socket}` becomes the path of the socket at which it has to listen, in a folder that only its user can enter. What it prints is passed on, and it ends with the VM.',
    }),
    env: map({
      of: text({ examples: ['debug'], help: 'The value.' }),
      namePattern: /^[A-Za-z_][A-Za-z0-9_]{0,63}$/,
      namePatternHelp: 'letters, digits and underscores',
      countMax: 64,
      defaultHelp: 'none',
      examples: ['{ RUST_LOG: debug }'],
      help: 'Environment variables of the `command`, beside our own.',
    }),
    user: text({
      pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/,
      patternHelp: 'the name of a user, or a number in quotes',
      defaultHelp: 'our own, or whoever can connect',
      examples: ['nobody'],
      help: 'The user that the `command` runs as; with `socket` and `listen` the only user whose process may be at the other end. Only root can choose another than itself for `command` and `listen`.',
    }),
    reconnect: choice({
      choices: ['auto', 'on', 'off'],
      default: 'auto',
      examples: ['off'],
      meanings: {
        auto: 'as `on` where nothing can be lost or done twice: the back-end has kept notes for the next one, or had nothing in hand, or its requests may be repeated; elsewhere when the driver begins anew',
        on: 'always go on where the rings stand: what the lost back-end had in hand is done again',
        off: 'never: the device is gone until the VM is started again',
      },
      help: 'What happens when the back-end is lost: whether it is connected to again (a `command` is started again), and its rings go on.',
    }),
    'start-timeout-s': integer({
      min: 1,
      max: 86_400,
      unit: 'seconds',
      default: 30,
      examples: ['5'],
      help: 'How long to wait for the back-end before the VM gives up its start. While the VM runs there is no such limit.',
    }),
    'reply-timeout-s': integer({
      min: 1,
      max: 600,
      unit: 'seconds',
      default: 10,
      examples: ['60'],
      help: 'How long the back-end may take to do what it is told, as to stop its rings when the guest reboots, for which it first finishes what it has begun. Then the connection is cut.',
    }),
  },
});

const RECORD = path({
  access: 'create',
  defaultHelp: 'none',
  examples: ['/tmp/disk.vhost'],
  help: 'A file into which every message between orko-vmm and the back-end is written, with its time and what it says. `orko-vmm vhost-log FILE` prints it.',
});

const FAULTS = object({
  help: 'Things that go wrong on purpose between the VM and the back-end, to see what the back-end does then. Each is said on standard error, and in the recording.',
  keys: {
    seed: integer({
      min: 0,
      max: 0x3fff_ffff,
      default: 1,
      examples: ['7'],
      help: 'What decides when something happens: the same seed, the same occasions.',
    }),
    'delay-ms': integer({
      min: 0,
      max: FAULT_MS_MAX,
      unit: 'ms',
      default: 0,
      examples: ['20'],
      help: 'Each answer of the back-end is held back for a random time of up to so long.',
    }),
    'slow-mapping-ms': integer({
      min: 0,
      max: FAULT_MS_MAX,
      unit: 'ms',
      default: 0,
      examples: ['2000'],
      help: 'The answer to each message that shares memory is held back for so long, as if mapping it took that long.',
    }),
    'drop-kicks': integer({
      min: 0,
      max: 1_000_000,
      default: 0,
      examples: ['100'],
      help: 'One in so many notifications of the driver, on average, does not reach the back-end; 0 for none. A request then waits until the next one. Notifications pass orko-vmm then, which takes time.',
    }),
    'corrupt-replies': integer({
      min: 0,
      max: 1_000_000,
      default: 0,
      examples: ['10'],
      help: 'In one in so many answers of the back-end, on average, a byte is changed; 0 for none.',
    }),
    'cut-after': integer({
      min: 0,
      max: 1_000_000,
      unit: 'messages',
      default: 0,
      examples: ['20'],
      help: 'The connection is cut after so many messages to the back-end, once; 0 for never.',
    }),
  },
});

/** The table of a device type that a back-end serves: `own` keys, and those of all such devices. */
export const served = <const Own extends Readonly<Record<string, Field>>>(help: string, queueSize: number, own: Own) =>
  object({
    help,
    keys: {
      // A device without it is one of ours.
      backend: { ...BACKEND, required: true },
      ...own,
      memory: SHARED_MEMORY,
      'queue-size': queueSizeKey(queueSize),
      record: RECORD,
      faults: FAULTS,
      ...COMMON_KEYS,
    },
  });
