/** What `backend:` of the config says, as the source of connections. */
import type { AnyServedKeys } from '../config/served-types.ts';
import { Acceptor } from '../vhost-user/acceptor.ts';
import { Connector } from '../vhost-user/connector.ts';
import { Program } from '../vhost-user/program.ts';
import type { Source } from '../vhost-user/source.ts';
import { userOf } from '../vhost-user/user-of.ts';
import type { IoLoop } from '../virtio/device.ts';

interface Surroundings {
  /** Of the device. */
  readonly name: string;
  readonly loop: IoLoop;
  log(message: string): void;
}

export function openSource({ backend, memory }: AnyServedKeys, { name, loop, log }: Surroundings): Source {
  const { socket, listen, command, env, user } = backend;
  // A pool is worth something against another user only, and as long as it stays another one.
  const isConfined = memory.share === 'pool' && user !== undefined;
  const keyPath = `devices.${name}.backend`;
  if (command.length > 0) return new Program({ command, env, user, isConfined, keyPath, loop, log });
  const peerOf = (rootDoes?: string) => (user === undefined ? undefined : userOf(user, `${keyPath}.user`, rootDoes));
  if (socket !== undefined) return new Connector(socket, loop, [], peerOf());
  const peer = peerOf('let somebody connect who is');
  return new Acceptor(listen!, { keyPath: `${keyPath}.listen`, loop, user: peer, log });
}
