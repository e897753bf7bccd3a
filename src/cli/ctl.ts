/** `orko-vmm ctl NAME|SOCKET REQUEST`: speaks to a running VM. */
import { ConfigError, HostError } from '../base/errors.ts';
import type { ControlClient } from '../control/client.ts';
import { EVENT_KINDS, REQUEST_KINDS, type RequestKind } from '../control/protocol.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { deviceLines, statsLines, statusLines } from './machine-lines.ts';
import { memoryLines } from './memory-lines.ts';
import { print, say } from './output.ts';
import { sharingLines } from './sharing-lines.ts';
import { UsageError } from './usage-error.ts';

export const ctlCommand = defineCommand({
  name: 'ctl',
  summary: 'Ask something of a running VM',
  description: [
    'Sends one request to a running VM and prints its answer.',
    '`status` says what it is and does; `pause` and `resume` stop and start its vCPUs and its clock; `powerkey` presses the power key, so that the guest shuts down if it likes; `reboot` resets it at once; `stop` ends it at once; `stats` prints what its vCPUs and the queues of its devices have counted; `explain-sharing` says which back-end sees which bytes of guest memory, as whom it runs, and whether it could come by more; `explain-memory` says of every memory slot what lies behind it, which memory type the guest gets, and who else maps it; `devices` lists its virtio devices and what they can do, and `device NAME ACTION [VALUE]` has one do it; `events` prints what happens to it, one JSON object a line, until it ends.',
  ].join(' '),
  positionals: {
    vm: { describe: 'The name of the VM, or the path of its control socket (with a slash in it)' },
    request: { describe: 'What to ask', choices: REQUEST_KINDS },
    device: { describe: 'With device: the name of one in the config', optional: true },
    action: { describe: 'With device: what it shall do', optional: true },
    value: { describe: 'With device: with what, if the action takes a value', optional: true },
  },
  options: {
    json: { type: 'boolean', describe: 'Print the answer as JSON' },
    only: {
      type: 'string',
      array: true,
      choices: EVENT_KINDS,
      describe: 'With events: this kind alone (may be repeated)',
    },
  },
  examples: [
    { line: 'orko-vmm ctl bench-board status', what: 'What the VM does' },
    { line: 'orko-vmm ctl bench-board powerkey', what: 'Ask the guest to shut down' },
    { line: 'orko-vmm ctl bench-board stats --json', what: 'What its queues have counted' },
    { line: 'orko-vmm ctl bench-board explain-sharing', what: 'Which back-end sees what of the guest' },
    { line: 'orko-vmm ctl bench-board explain-memory', what: 'What its memory is to the guest' },
    { line: 'orko-vmm ctl bench-board device root resize 2G', what: 'Make the disk called root larger' },
    { line: 'orko-vmm ctl ./board.sock events --only state', what: 'Wait for changes of its state' },
  ],
  async run({ vm, request, device, action, value, json, only, quiet }) {
    checkWords(request, device, action);
    const client = await connect(vm);
    if (typeof client === 'string') {
      say(`orko-vmm: ${client}`);
      return EXIT.NO_SUCH_VM;
    }
    using connection = client;
    if (request === 'events') {
      await connection.request('events', only.length > 0 ? { only } : {});
      await connection.closed;
      return EXIT.OK;
    }
    if (request === 'device') {
      const asked = { device: device!, action: action!, ...(value !== undefined && { value }) };
      const { answer } = await connection.request('device', asked);
      print(json ? `${JSON.stringify({ answer })}\n` : `${answer}\n`);
      return EXIT.OK;
    }
    const answer = await connection.request<Exclude<RequestKind, 'events' | 'device'>>(request, {});
    if (json) print(`${JSON.stringify(answer)}\n`);
    else if ('status' in answer) print(statusLines(answer.status));
    else if ('devices' in answer) print(deviceLines(answer.devices));
    else if ('stats' in answer) print(statsLines(answer.stats));
    else if ('sharing' in answer) print(sharingLines(answer.sharing));
    else if ('memory' in answer) print(memoryLines(answer.memory));
    else if (!quiet) say(`${vm}: ${request} done`);
    return EXIT.OK;
  },
});

function checkWords(request: RequestKind, device: string | undefined, action: string | undefined): void {
  if (request === 'device') {
    if (action === undefined) throw new UsageError('Name a device and what it shall do: `devices` lists them', 'ctl');
  } else if (device !== undefined)
    throw new UsageError(`"${device}" is too much: ${request} takes no more words`, 'ctl');
}

/** The connection, or the sentence why there is none. */
async function connect(vm: string): Promise<ControlClient | string> {
  const [{ ControlClient }, { findSocket, socketFolder }] = await Promise.all([
    import('../control/client.ts'),
    import('../control/registry.ts'),
  ]);
  try {
    const socket = findSocket(vm, socketFolder({ env: process.env, uid: process.getuid!() }));
    return await ControlClient.connect(socket, { onEvent: (event) => print(`${JSON.stringify(event)}\n`) });
  } catch (error) {
    if (error instanceof ConfigError || error instanceof HostError) return error.message;
    throw error;
  }
}
