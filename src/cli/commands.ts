/** Which commands there are. A command's module is loaded when its name stands on the command line, or help needs it. */
import type { AnyCommand } from './command.ts';

export const COMMANDS: Readonly<Record<string, () => Promise<AnyCommand>>> = {
  run: async () => (await import('./run.ts')).runCommand,
  ctl: async () => (await import('./ctl.ts')).ctlCommand,
  list: async () => (await import('./list.ts')).listCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  dtb: async () => (await import('./dtb.ts')).dtbCommand,
  backend: async () => (await import('./backend.ts')).backendCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  quirks: async () => (await import('./quirks.ts')).quirksCommand,
  probe: async () => (await import('./probe.ts')).probeCommand,
  'vhost-log': async () => (await import('./vhost-log.ts')).vhostLogCommand,
  nested: async () => (await import('./nested.ts')).nestedCommand,
  schema: async () => (await import('./schema.ts')).schemaCommand,
};

export async function loadCommands(): Promise<AnyCommand[]> {
  return Promise.all(Object.values(COMMANDS).map((load) => load()));
}
