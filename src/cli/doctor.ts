/** `orko-vmm doctor`: what this host can do for VMs, and what to do about the rest. */
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { findingLines } from './finding-lines.ts';
import { print, say } from './output.ts';

/** For a pipe or a file. */
const COLUMNS_DEFAULT = 120;

export const doctorCommand = defineCommand({
  name: 'doctor',
  summary: 'Say what this host can do',
  description: [
    'Examines the host: the kernel and its KVM, the interrupt controllers and CPU features that guests can have, memory, limits.',
    'Each line says what was found and what follows from it, and below it what could be done. `ok` is as good as it gets, `note` something that is not to be had, `warn` makes VMs worse, `ERROR` keeps them from running.',
    'The exit code is 0 when VMs can run here, and 69 when not. With --quiet only warnings and errors are shown. `orko-vmm check CONFIG` says whether one config would run.',
  ].join(' '),
  positionals: {},
  options: {
    json: {
      type: 'boolean',
      describe: 'Print JSON: canRun, and findings with id, title, severity, value, consequence and remedy',
    },
  },
  examples: [
    { line: 'orko-vmm doctor', what: 'Examine this host' },
    { line: `orko-vmm doctor --json | jq '.findings[] | select(.id == "its")'`, what: 'One answer for a script' },
  ],
  async run({ json, quiet }) {
    const { examineHost } = await import('../doctor/doctor.ts');
    const report = await examineHost();
    if (json) {
      print(`${JSON.stringify(report, undefined, 2)}\n`);
    } else {
      const shown = report.findings.filter(({ severity }) => !quiet || severity === 'warning' || severity === 'error');
      if (shown.length > 0) print(findingLines(shown, terminalPage()));
      if (!quiet) say(report.canRun ? 'VMs can run on this host' : 'VMs cannot run on this host');
    }
    return report.canRun ? EXIT.OK : EXIT.HOST;
  },
});

/** Colours only for a terminal, and not when NO_COLOR is set (no-color.org). */
function terminalPage() {
  const { isTTY, columns } = process.stdout;
  return { columns: columns ?? COLUMNS_DEFAULT, color: isTTY === true && !process.env['NO_COLOR'] };
}
