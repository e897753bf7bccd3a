/** `orko-vmm ctl NAME|SOCKET REQUEST`: speaks to a running VM. */
import { ConfigError, HostError } from '../base/errors.ts';
import type { ControlClient } from '../control/client.ts';
import { EVENT_KINDS, REQUEST_KINDS, type RequestKind } from '../control/protocol.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { statusLines } from './machine-lines.ts';
import { print, say } from './output.ts';

export const ctlCommand = defineCommand({
  name: 'ctl',
  summary: 'Ask something of a running VM',
  description: [
    'Sends one request to a running VM and prints its answer.',
    '`status` says what it is and does; `pause` and `resume` stop and start its vCPUs and its clock; `powerkey` presses the power key, so that the guest shuts down if it likes; `reboot` resets it at once; `stop` ends it at once; `events` prints what happens to it, one JSON object a line, until it ends.',
  ].join(' '),
  positionals: {
    vm: { describe: 'The name of the VM, or the path of its control socket (with a slash in it)' },
    request: { describe: 'What to ask', choices: REQUEST_KINDS },
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
    { line: 'orko-vmm ctl ./board.sock events --only state', what: 'Wait for changes of its state' },
  ],
  async run({ vm, request, json, only, quiet }) {
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
    const answer = await connection.request<Exclude<RequestKind, 'events'>>(request, {});
    if (json) print(`${JSON.stringify(answer)}\n`);
    else if ('status' in answer) print(statusLines(answer.status));
    else if (!quiet) say(`${vm}: ${request} done`);
    return EXIT.OK;
  },
});

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
