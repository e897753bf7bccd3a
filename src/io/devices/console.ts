/** `type: console`: virtio-console, whose ports lead where the serial port may lead too. */
import { openConsole } from '../../backends/console.ts';
import { ConfigError } from '../../base/errors.ts';
import type { DeviceKeys } from '../../config/device-types.ts';
import type { PortEvents } from '../../devices/console-port.ts';
import { parseConsoleSize, VirtioConsole } from '../../devices/virtio-console.ts';
import type { DeviceWorld } from '../../virtio/device.ts';

const UNKNOWN_SIZE = { columns: 0, rows: 0 };

export function create(keys: DeviceKeys<'console'>, world: DeviceWorld): VirtioConsole {
  const { console, ports, queueSize } = keys;
  const keyPath = `devices.${world.name}`;
  if (console === undefined && Object.keys(ports).length === 0) {
    throw new ConfigError('This device has neither a console nor ports: write for example console: pty', { keyPath });
  }
  const size = keys.size === undefined ? UNKNOWN_SIZE : parseConsoleSize(keys.size);
  if (!size) throw new ConfigError(`No terminal has ${keys.size} columns and rows`, { keyPath: `${keyPath}.size` });
  const optionsFor = ({ room }: PortEvents) => {
    // Its port sees `isFull` before it writes.
    return { loop: world.loop, say: world.log, onEscape() {}, hold() {}, release: room };
  };
  return new VirtioConsole(
    {
      console: console && {
        open: (events) => openConsole(console, { ...optionsFor(events), keyPath: `${keyPath}.console` }),
      },
      ports: Object.entries(ports).map(([name, endpoint]) => ({
        name,
        open: (events) => {
          const port = { title: `Port ${name}`, keyPath: `${keyPath}.ports.${name}`, lossless: events };
          return openConsole(endpoint, { ...optionsFor(events), ...port });
        },
      })),
      size,
      queueSize,
    },
    world,
  );
}
