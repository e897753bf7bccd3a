/** `type: vfio`. */
import { BAR_POLICIES, BAR_POLICY_NAMES } from '../../pci/bar-policy.ts';
import { choice, map, object, overlays, text } from '../kinds.ts';
import { SHARED_MEMORY } from '../shared-memory.ts';
import { COMMON_KEYS } from './common.ts';

const POLICY_HELP = Object.fromEntries(Object.entries(BAR_POLICIES).map(([name, { how }]) => [name, how]));
const BAR_COUNT = 6;

export const vfio = object({
  help: 'A PCI device of the host, which the guest has for itself (docs/passthrough.md). It needs an IOMMU and the driver vfio-pci: `orko-vmm doctor` says what is missing and how to get it.',
  keys: {
    host: text({
      required: true,
      pattern: /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/,
      patternHelp: 'the address of a PCI device as "0000:01:00.0", in quotes',
      examples: ['"0000:01:00.0"'],
      help: 'The address of the device, as `orko-vmm doctor` and `lspci -D` show it.',
    }),
    bars: map({
      of: choice({ choices: BAR_POLICY_NAMES, meanings: POLICY_HELP, help: 'How the BAR is shown.' }),
      namePattern: /^[0-5]$/,
      namePatternHelp: 'the number of a BAR, 0 to 5',
      countMax: BAR_COUNT,
      defaultHelp: 'as `orko-vmm quirks` says',
      examples: ['{ 2: ro-direct }'],
      help: 'How single BARs are shown to the guest, by number: `direct`, `ro-direct`, `trap`, `device`, `device+emulate`, `device+inject` or `refuse` (docs/device-memory.md).',
    }),
    interface: choice({
      choices: ['auto', 'iommufd', 'group'],
      default: 'auto',
      meanings: {
        auto: 'iommufd where the kernel has it and this user may open its files, else group',
        iommufd: 'by /dev/iommu and a file of the device below /dev/vfio/devices',
        group: 'by the IOMMU group of the device, /dev/vfio/NUMBER, as kernels before 6.6 have it alone',
      },
      help: 'How the kernel is asked for the device. What the guest sees is the same.',
    }),
    memory: SHARED_MEMORY,
    children: overlays(COMMON_KEYS.children),
  },
});
