/**
 * `node memory-back-end.ts SOCKET`: a scripted back-end with shared memory, as a process of its own. It does what its standard
 * input says: `map PAGE [read-only]` shows a page of region 3 whose first word tells which it is, `unmap PAGE` takes it back,
 * `word PAGE NUMBER` prints a word of it. Each is answered by a line.
 */
import { readSync } from 'node:fs';
import { KiB } from '../../src/base/units.ts';
import { createMemfd, Mapping } from '../../src/host/mapping.ts';
import { UnixSocket } from '../../src/host/unix-socket.ts';
import { EpollLoop } from '../../src/io/io-loop.ts';
import { BACK_END, HEADER_BYTES } from '../../src/vhost-user/message.ts';
import { MAPPING_WRITABLE } from '../../src/vhost-user/payload.ts';
import {
  VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD,
  VHOST_USER_PROTOCOL_F_SHMEM,
} from '../../src/vhost-user/protocol-features.ts';
import { features } from '../../src/virtio/features.ts';
import { PROTOCOL_OFFERED, ScriptedBackEnd } from './scripted-back-end.ts';

export const REGION = 3;
/** A multiple of every host's pages. */
const PAGE = 64 * KiB;
const PAGES = 16;
const VALUE = 0x600d0000;
const ACK_BYTES = HEADER_BYTES + 8;
const SHMEM = features(VHOST_USER_PROTOCOL_F_SHMEM, VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD);

function serve(path: string): void {
  const loop = new EpollLoop();
  const fd = createMemfd('shared-memory', PAGES * PAGE);
  const { view } = Mapping.create(PAGES * PAGE, { what: 'shared memory of a test', fd });
  for (let page = 0; page < PAGES; page++) view.setUint32(page * PAGE, VALUE + page, true);
  const sizes = Array.from({ length: 256 }, (_, id) => (id === REGION ? BigInt(PAGES * PAGE) : 0n));
  let backEnd: ScriptedBackEnd | undefined;

  const ask = (name: 'SHMEM_MAP' | 'SHMEM_UNMAP', page: number, flags: bigint): string => {
    const offset = BigInt(page * PAGE);
    const body = { shmid: REGION, fd_offset: offset, shm_offset: offset, len: BigInt(PAGE), flags };
    const channel = backEnd!.channel!;
    channel.send(BACK_END.encodeRequest(name, body, true), name === 'SHMEM_MAP' ? [fd] : []);
    const { bytes } = channel.receiveExactly(ACK_BYTES, 0);
    return `${bytes[HEADER_BYTES]}`;
  };
  const carryOut = ([verb, page, option]: readonly string[]): string => {
    const number = Number(page);
    if (verb === 'map') return ask('SHMEM_MAP', number, option === 'read-only' ? 0n : MAPPING_WRITABLE);
    if (verb === 'unmap') return ask('SHMEM_UNMAP', number, 0n);
    return view.getUint32(number * PAGE + 4 * Number(option), true).toString(16);
  };

  const socket = UnixSocket.listen(path);
  loop.watch(socket.number, { readable: true }, () => {
    const connection = socket.accept();
    if (!connection) return;
    backEnd = new ScriptedBackEnd(connection, loop, {
      GET_PROTOCOL_FEATURES: () => PROTOCOL_OFFERED | SHMEM,
      GET_SHMEM_CONFIG: () => sizes,
    });
  });
  let input = '';
  loop.watch(0, { readable: true }, () => {
    const chunk = Buffer.alloc(4096);
    const count = readSync(0, chunk);
    if (count === 0) process.exit(0);
    input += chunk.toString('utf8', 0, count);
    const lines = input.split('\n');
    input = lines.pop()!;
    for (const line of lines) process.stdout.write(`${line}: ${carryOut(line.split(' '))}\n`);
  });
  for (;;) loop.turn();
}

serve(process.argv[2]!);
