/** `type: net`. */
import { choice, flag, integer, object, text, texts } from '../kinds.ts';
import { COMMON_KEYS, queueSizeKey } from './common.ts';
import { rateLimitKey } from './rate-limit.ts';

/** As many as a guest of our largest kind has vCPUs for. */
const QUEUES_MAX = 64;
/** What IPv4 asks of every link (RFC 791), and the longest packet. */
const MTU_MIN = 68;
const MTU_MAX = 65_535;

/** The address of a card, whoever serves it. */
export const MAC = text({
  pattern: /^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$/,
  patternHelp: 'six bytes like 52:54:00:12:34:56, the first of them even',
  examples: ['"52:54:00:12:34:56"'],
  defaultHelp: 'made from the names of VM and device, so it stays the same',
  help: 'The Ethernet address.',
});

/** `queues` of a card, whoever serves it. `more`: what else has to be so. */
export const pairsKey = (more: string) =>
  integer({
    min: 1,
    max: QUEUES_MAX,
    default: 1,
    unit: 'pairs',
    examples: ['2'],
    help: `How many pairs of queues the card has; a guest with several vCPUs may use one each. ${more}`,
  });

export const net = object({
  help: 'A network card.',
  keys: {
    network: text({
      default: 'user',
      pattern: /^(user|tap(:[^/:\s]{1,15})?|fd:\d+(,\d+)*)$/,
      patternHelp: 'user, tap, tap:NAME or fd:NUMBER',
      examples: ['user', 'tap', 'tap:tap3', 'fd:5'],
      help: 'What the card is connected to. `user`: the network of this host, by connections of the program passt, which needs no privileges; the guest gets an address by DHCP. `tap`: a new TAP interface of the host, gone when the VM is. `tap:NAME`: the one of that name, or a new one. `fd:NUMBER`: one that whoever starts orko-vmm has opened; as many, with commas, as there are queues.',
    }),
    forward: texts({
      default: [],
      defaultHelp: 'none',
      pattern: /^(tcp|udp):((\d+(\.\d+){3}|\[[0-9A-Fa-f:.]+\]):)?\d{1,5}:\d{1,5}$/,
      patternHelp: 'like tcp:8022:22 or udp:127.0.0.1:5353:53',
      examples: ['[tcp:8022:22]', '[tcp:127.0.0.1:8080:80, "udp:[::1]:5353:53"]'],
      help: 'With `network: user`: ports of the host that lead to the guest, as PROTOCOL:[ADDRESS:]HOST-PORT:GUEST-PORT. Without an address, all of the host.',
    }),
    mac: MAC,
    mtu: integer({
      min: MTU_MIN,
      max: MTU_MAX,
      unit: 'bytes',
      examples: ['9000'],
      defaultHelp: "65520 with `network: user`, otherwise the tap's own",
      help: 'The largest packet, told to the guest. A new tap gets it too.',
    }),
    queues: pairsKey('More than one needs a tap.'),
    offloads: flag({
      default: true,
      examples: ['false'],
      help: 'With a tap: whether checksums and segmentation may be left to the other side, which makes large transfers many times faster.',
    }),
    vhost: choice({
      choices: ['auto', 'on', 'off'],
      default: 'off',
      examples: ['auto'],
      meanings: {
        auto: 'where it can be',
        on: 'or the VM does not start',
        off: 'never: frames pass through the I/O thread, which counts them, and no code of the kernel reads what the guest writes into its rings',
      },
      help: "With a tap: whether the host's kernel serves the queues (vhost-net), so that frames cost neither a thread of orko-vmm nor its wake-ups. It can where `/dev/vhost-net` may be opened, with split rings, `interrupt: direct` and no rate limit.",
    }),
    link: choice({
      choices: ['up', 'down'],
      default: 'up',
      examples: ['down'],
      help: 'Whether the cable is plugged in at the start. `orko-vmm ctl VM device NAME link up` changes it while the VM runs.',
    }),
    speed: integer({
      min: 1,
      max: 1_000_000,
      unit: 'Mbit/s',
      examples: ['10000'],
      defaultHelp: 'unknown',
      help: 'What the guest reads as speed of the link; it has no other effect.',
    }),
    bridge: text({
      pattern: /^[^/:\s]{1,15}$/,
      patternHelp: 'the name of an interface',
      examples: ['br0'],
      defaultHelp: 'none',
      help: 'The bridge of the host that a new tap joins.',
    }),
    'rate-limit': rateLimitKey(['{ bytes-per-second: 10M }']),
    'queue-size': queueSizeKey(256),
    ...COMMON_KEYS,
  },
});
