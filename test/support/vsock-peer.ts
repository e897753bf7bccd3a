/**
 * The host's side of the guest's `vsock` check (guests/linux/agent/vsock.c), run on the Arm host: it returns what the guest
 * sends to port 5000, and calls port 1024 of the guest as often itself. Prints one line when both are done.
 *
 *   node vsock-peer.ts SOCKET STREAMS BYTES [whole]
 *
 * With `whole` no caller ends its half of a stream, as with `orko.halves=0`: it ends all of it once everything is back.
 */
import { once } from 'node:events';
import { createServer, connect as netConnect, type Socket } from 'node:net';

const HOST_PORT = 5000;
const GUEST_PORT = 1024;
const BACKLOG = 4096;

if (import.meta.main) {
  const [path = '', streams = '', bytes = '', ends = ''] = process.argv.slice(2);
  const echoed = echo(`${path}_${HOST_PORT}`, Number(streams));
  process.stdout.write('LISTENING\n');
  // The guest says when it listens; the test passes that on.
  await once(process.stdin, 'data');
  const calls = await Promise.allSettled(
    Array.from({ length: Number(streams) }, (_, n) => call(path, n, Number(bytes), ends === 'whole')),
  );
  const failed = calls.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
  const echoes = await echoed;
  process.stdout.write(`PEER calls=${calls.length - failed.length} echoes=${echoes} ${failed[0] ?? ''}\n`);
  process.exit(0);
}

/** Returns to `count` clients what they send, to the end of each; resolves to how many came to their end. */
function echo(path: string, count: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let ended = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('close', () => {
      if (++ended < count) return;
      server.close();
      resolve(ended);
    });
    socket.pipe(socket);
  });
  server.listen({ path, backlog: BACKLOG });
  return promise;
}

/** Byte `offset` of call `number`; the guest returns it. */
function bytesOf(number: number, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  // A plain loop: a thousand of these are made at once, and nobody is served meanwhile.
  for (let offset = 0; offset < count; offset++) bytes[offset] = offset * 167 + (offset >> 8) * 13 + number * 31;
  return bytes;
}

async function call(path: string, number: number, count: number, endsWhole: boolean): Promise<void> {
  const socket = netConnect({ path, allowHalfOpen: true });
  socket.write(`CONNECT ${GUEST_PORT}\n`);
  const sent = bytesOf(number, count);
  const received: Buffer[] = [];
  await greeting(socket, number);
  let receivedCount = 0;
  socket.on('data', (bytes: Buffer) => {
    received.push(bytes);
    receivedCount += bytes.length;
    if (endsWhole && receivedCount >= count) socket.destroy();
  });
  // Ends our half, if that is meant; the guest goes on until it has returned everything.
  if (endsWhole) socket.write(sent);
  else socket.end(sent);
  await once(socket, 'close');
  if (!Buffer.concat(received).equals(sent)) {
    const at = Buffer.concat(received).findIndex((byte, index) => byte !== sent[index]);
    throw new Error(
      `call ${number}: ${Buffer.concat(received).length} of ${count} bytes came back, the first wrong one is ${at}`,
    );
  }
}

/** Waits for `OK port`; what follows in the same piece stays in the socket. */
async function greeting(socket: Socket, number: number): Promise<void> {
  let line = '';
  for await (const _ of readable(socket)) {
    for (let byte = socket.read(1); byte !== null; byte = socket.read(1)) {
      line += byte.toString();
      if (line.endsWith('\n')) break;
    }
    if (line.endsWith('\n')) break;
  }
  if (!/^OK \d+\n$/.test(line)) throw new Error(`call ${number}: answered ${JSON.stringify(line)}`);
}

async function* readable(socket: Socket): AsyncGenerator<void> {
  while (!socket.readableEnded) {
    await Promise.race([once(socket, 'readable'), once(socket, 'end')]);
    yield;
  }
}
