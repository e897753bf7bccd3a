/** `backend:` of a device that another process serves over vhost-user, and what such devices have in common. */
import { choice, type Field, integer, map, object, path, text, texts } from '../kinds.ts';
import { SHARED_MEMORY } from '../shared-memory.ts';
import { COMMON_KEYS, queueSizeKey } from './common.ts';

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
      patternHelp: 'the name of a user, or a number',
      defaultHelp: 'our own',
      examples: ['nobody'],
      help: 'The user that the `command` runs as. Only root can choose another than itself.',
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
      ...COMMON_KEYS,
    },
  });
