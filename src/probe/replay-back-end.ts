/**
 * Plays the back-end of a recording towards a front-end: it answers as it was answered, whatever the guest does, and says
 * where the front-end asks something else.
 */
import { ListeningSocket } from '../backends/listening-socket.ts';
import { HostError } from '../base/errors.ts';
import { waitFor } from '../host/poll.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import { FRONT_END } from '../vhost-user/message.ts';
import { bytesOf, type MessageLine, type Recording } from '../vhost-user/record.ts';
import { Peer } from './peer.ts';
import { connectionsOf, makeFds, type ReplayResult, whatIs } from './replay.ts';

/** What depends on where memory and rings lie, and how far the guest was. */
const MAY_DIFFER = new Set([
  ...['SET_MEM_TABLE', 'ADD_MEM_REG', 'REM_MEM_REG', 'SET_VRING_ADDR', 'SET_VRING_BASE'],
  ...['SET_LOG_BASE', 'SET_INFLIGHT_FD'],
]);

/** `path`: where to listen. Every wait for the front-end lasts `timeoutMs` at most. */
export function replayBackEnd(recording: Recording, path: string, timeoutMs: number): ReplayResult {
  using socket = new ListeningSocket({ path, what: 'socket of the replay', keyPath: '--replay-backend' });
  const divergences: string[] = [];
  let messages = 0;
  for (const lines of connectionsOf(recording)) {
    if (!waitFor(socket.number, 'readable', timeoutMs)) {
      divergences.push(`nobody connects to ${path} within ${timeoutMs / 1000} s`);
      break;
    }
    const accepted = socket.accept();
    if (accepted === undefined) continue;
    using connection = new Connection(accepted, timeoutMs);
    const end = connection.play(lines, divergences);
    messages += end.messages;
    if (end.isCut) break;
  }
  return { messages, divergences };
}

class Connection implements Disposable {
  readonly #timeoutMs: number;
  readonly #resources = new DisposableStack();
  readonly #peer: Peer;
  #channel: Peer | undefined;

  constructor(socket: UnixSocket, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#peer = this.#resources.use(new Peer(socket, timeoutMs));
  }

  play(lines: readonly MessageLine[], divergences: string[]) {
    let messages = 0;
    for (const line of lines) {
      const place = `${whatIs(line)} at ${line.ms} ms`;
      try {
        const difference = line.from === 'back-end' ? this.#say(line) : this.#hear(line);
        messages++;
        if (difference === undefined) continue;
        divergences.push(`${place}: ${difference.text}`);
        if (difference.isFatal) return { messages, isCut: true };
      } catch (error) {
        if (!(error instanceof HostError)) throw error;
        divergences.push(`${place}: ${error.message}`);
        return { messages, isCut: true };
      }
    }
    return { messages, isCut: false };
  }

  #say(line: MessageLine): undefined {
    const { fds } = makeFds(line.fds ?? [], this.#resources);
    // Without the channel, which a front-end need not give, nothing can be asked.
    const peer = line.line === 'main' ? this.#peer : this.#channel;
    peer?.sendRaw(bytesOf(line), fds);
    return undefined;
  }

  #hear(line: MessageLine) {
    const peer = line.line === 'main' ? this.#peer : this.#channel;
    const message = peer?.receive();
    if (message === undefined) return { text: `it does not come within ${this.#timeoutMs / 1000} s`, isFatal: true };
    const { header, payload, fds } = message;
    for (const fd of fds) this.#resources.use(fd);
    const recorded = bytesOf(line);
    const head = new DataView(recorded.buffer);
    if (line.line === 'main' && header.request !== head.getUint32(0, true)) {
      return { text: `${FRONT_END.nameOf(header.request)} comes in its place`, isFatal: true };
    }
    if (line.name === 'SET_BACKEND_REQ_FD' && fds[0]) {
      this.#channel = new Peer(UnixSocket.adopt(fds[0], 'the channel of the replay'), this.#timeoutMs);
    }
    // The answers that follow would not be those that are waited for.
    if (header.needsReply !== (line.ack === true)) return { text: 'it wants another answer', isFatal: true };
    const [then, now] = [Buffer.from(recorded.subarray(12)), Buffer.from(payload)];
    if (then.equals(now) || MAY_DIFFER.has(line.name)) return undefined;
    return { text: `it says ${now.toString('hex')}, and said ${then.toString('hex')}`, isFatal: false };
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
