/** `orko-vmm quirks`: what is known of this machine's PCI Express, and what would be done with the BARs of its devices. */
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { print } from './output.ts';
import { quirkLines } from './quirk-lines.ts';

export const quirksCommand = defineCommand({
  name: 'quirks',
  summary: "Say how this machine's PCI treats device memory",
  description: [
    'Says for each PCI device that could be passed through how its BARs would be shown to a guest, which quirk of the machine decides that, by what the machine was recognised, and what else could be chosen.',
    'A machine is recognised by its host bridge or root ports, its SoC id, or its device tree, never by its CPU alone. Quirks of your own in /etc/orko-vmm/quirks.yaml, ~/.config/orko-vmm/quirks.yaml or --file hold before the built-in ones.',
    'With --sysfs the machine is another one, of which the files were copied; docs/device-memory.md has the command that copies them.',
  ].join(' '),
  positionals: {},
  options: {
    sysfs: { type: 'string', placeholder: 'DIR', describe: "Read this copy of another machine's /sys" },
    file: { type: 'string', placeholder: 'FILE', describe: 'Read quirks of your own from this file too' },
    json: {
      type: 'boolean',
      describe: 'Print JSON: platform, decisions with device, quirk, because and policy, policies',
    },
  },
  examples: [
    { line: 'orko-vmm quirks', what: 'What holds on this machine' },
    { line: 'orko-vmm quirks --sysfs altra/sys', what: 'What would hold on another' },
  ],
  async run({ sysfs, file, json }) {
    const { examineQuirks } = await import('../doctor/pci-quirks.ts');
    const report = examineQuirks({ sysfs: sysfs ?? '/sys', file, env: process.env });
    print(json ? `${JSON.stringify(report, undefined, 2)}\n` : quirkLines(report));
    return EXIT.OK;
  },
});
