/** What replaying as the front-end and as the back-end have in common: the recording in pieces, descriptors like those in it. */
import { O_RDWR } from '../abi/libc.ts';
import { EventFd } from '../host/eventfd.ts';
import { Fd } from '../host/fd.ts';
import type { FdFacts } from '../host/fd-facts.ts';
import { createMemfd } from '../host/mapping.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import type { MessageLine, Recording } from '../vhost-user/record.ts';

/** How far a replay came, and where the other end did something else than in the recording. */
export interface ReplayResult {
  /** Messages sent and received as recorded. */
  readonly messages: number;
  readonly divergences: readonly string[];
}

/** What is needed of a file that we do not have. */
const PAGE = 4096;

/** The messages of each connection. */
export function connectionsOf({ lines }: Recording): readonly (readonly MessageLine[])[] {
  const connections: MessageLine[][] = [];
  for (const line of lines) {
    if (line.kind === 'connected') connections.push([]);
    else if (line.kind === 'message') (connections.at(-1) ?? connections[connections.push([]) - 1]!).push(line);
  }
  return connections.filter((messages) => messages.length > 0);
}

/** "GET_FEATURES", "the answer to GET_FEATURES". */
export function whatIs({ name, reply }: Pick<MessageLine, 'name' | 'reply'>): string {
  return reply ? `the answer to ${name}` : name;
}

export interface MadeFds {
  readonly fds: readonly Fd[];
  /** Our end of the first socket among them. */
  readonly socket: UnixSocket | undefined;
}

/** Descriptors of the same kinds and sizes, which live as long as `resources`. */
export function makeFds(facts: readonly FdFacts[], resources: DisposableStack): MadeFds {
  let socket: UnixSocket | undefined;
  const fds = facts.map(({ kind, name = 'replay', bytes = PAGE }) => {
    switch (kind) {
      case 'memfd':
      case 'file':
        return resources.use(createMemfd(kind === 'memfd' ? name : 'replay', bytes));
      case 'eventfd':
        return resources.use(EventFd.create());
      case 'socket': {
        const [ours, theirs] = UnixSocket.pair('a socket of the recording').map((end) => resources.use(end));
        socket ??= ours;
        return theirs!;
      }
      default:
        return resources.use(Fd.open('/dev/null', O_RDWR));
    }
  });
  return { fds, socket };
}
