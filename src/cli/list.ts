/** `orko-vmm list`: the user's VMs that run. */
import { formatSize } from '../base/units.ts';
import type { ListedMachine } from '../control/registry.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { columns, formatDuration } from './machine-lines.ts';
import { print, say } from './output.ts';

const HEAD = ['NAME', 'STATE', 'VCPUS', 'MEMORY', 'UP', 'PID', 'CONSOLE'];

export const listCommand = defineCommand({
  name: 'list',
  summary: 'List the VMs that run',
  description:
    'Lists the VMs that this user runs and that answer on their control socket. A VM with a `control-socket` of its own in the config is not listed: ask it with `orko-vmm ctl SOCKET status`.',
  positionals: {},
  options: { json: { type: 'boolean', describe: 'Print JSON: an array with name, socket and status of each VM' } },
  examples: [
    { line: 'orko-vmm list', what: 'Show what runs' },
    { line: 'orko-vmm list --json | jq -r .[].name', what: 'The names alone' },
  ],
  async run({ json, quiet }) {
    const { listMachines, socketFolder } = await import('../control/registry.ts');
    const machines = await listMachines(socketFolder({ env: process.env, uid: process.getuid!() }));
    if (json) print(`${JSON.stringify(machines, undefined, 2)}\n`);
    else if (machines.length > 0) print(columns([HEAD, ...machines.map(rowOf)]));
    else if (!quiet) say('No VM runs');
    return EXIT.OK;
  },
});

function rowOf(machine: ListedMachine): string[] {
  if ('problem' in machine) return [machine.name, `does not answer: ${machine.problem}`];
  const { state, cpus, memoryBytes, uptimeMs, pid, console = '' } = machine.status;
  return [machine.name, state, String(cpus), formatSize(memoryBytes), formatDuration(uptimeMs), String(pid), console];
}
