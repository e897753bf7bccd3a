/** `type: console`. */
import { CONSOLE_ENDPOINT } from '../console-endpoint.ts';
import { endpoint, map, object, text } from '../kinds.ts';
import { COMMON_KEYS, queueSizeKey } from './common.ts';

/** As many as a table of ports is long in other VMMs (QEMU's virtio-serial): each costs two queues. */
const PORTS_MAX = 31;

export const console = object({
  help: 'A console (hvc0 in Linux), and streams of bytes between programs of guest and host.',
  keys: {
    console: endpoint({
      ...CONSOLE_ENDPOINT,
      defaultHelp: 'there is no console, only ports',
      examples: ['pty', 'unix:hvc0.sock', 'stdio'],
      help: 'Where the console leads. `stdio` is free when the top-level `console` leads elsewhere.',
    }),
    ports: map({
      of: endpoint({
        words: { pty: 'a new pseudo-terminal, its name is printed' },
        schemes: {
          file: 'appended to a file, no input',
          unix: 'a Unix socket at this path, for one program at a time; while none is there the guest waits',
        },
        examples: ['unix:agent.sock'],
        help: 'Where the port leads.',
      }),
      namePattern: /^[\x21-\x2e\x30-\x7e]{1,63}$/,
      namePatternHelp: 'up to 63 ASCII characters without spaces and slashes',
      countMax: PORTS_MAX,
      defaultHelp: 'none',
      examples: ['{ org.example.agent: unix:agent.sock, log: file:guest.log }'],
      help: 'Ports for programs, by the names under which the guest finds them (in Linux `/sys/class/virtio-ports/*/name`). Every byte counts: nothing is dropped, nothing shown twice.',
    }),
    size: text({
      pattern: /^[1-9]\d{0,4}x[1-9]\d{0,4}$/,
      patternHelp: 'columns and rows, as 120x40',
      defaultHelp: 'not known',
      examples: ['120x40'],
      help: 'How large the terminal is, columns and rows. `orko-vmm ctl NAME device DEVICE resize 120x40` changes it.',
    }),
    'queue-size': queueSizeKey(64),
    ...COMMON_KEYS,
  },
});
