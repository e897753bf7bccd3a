/** `node back-end-process.ts SOCKET FLAW`: a scripted back-end as a process of its own, good but for one flaw. */
import { UnixSocket } from '../../src/host/unix-socket.ts';
import { EpollLoop } from '../../src/io/io-loop.ts';
import { type Script, ScriptedBackEnd } from './scripted-back-end.ts';

const RINGS = 256;
const KICKED_AT_ONCE = 0xff;

/** What a good one says of its rings: each goes on where it was put, and there are no others. */
function good(): Script {
  const bases = new Map<number, number>();
  return {
    GET_QUEUE_NUM: () => 1n,
    SET_VRING_NUM: ({ body }) => ((body as { index: number }).index < RINGS - 6 ? 0n : 1n),
    SET_VRING_BASE: ({ body }) => {
      const { index, num } = body as { index: number; num: number };
      bases.set(index, num);
      return 0n;
    },
    GET_VRING_BASE: ({ body }) => {
      const { index } = body as { index: number };
      return { index, num: bases.get(index) ?? 0 };
    },
  };
}

/** By name: what is other than good. */
const FLAWS: Readonly<Record<string, Script>> = {
  none: {},
  crash: {
    SET_VRING_ENABLE: ({ body }) => {
      if ((body as { num: number }).num > 1) process.kill(process.pid, 'SIGSEGV');
      return 0n;
    },
  },
  hang: {
    SET_VRING_ENABLE: ({ body }) => {
      for (; (body as { num: number }).num > 1; ) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, KICKED_AT_ONCE);
      }
      return 0n;
    },
  },
  forgetful: { GET_VRING_BASE: ({ body }) => ({ index: (body as { index: number }).index, num: 0 }) },
  agreeable: { SET_VRING_NUM: () => 0n },
  legacy: { GET_FEATURES: () => 1n << 30n },
};

function serve(path: string, flaw: string): void {
  const loop = new EpollLoop();
  const socket = UnixSocket.listen(path);
  loop.watch(socket.number, { readable: true }, () => {
    const connection = socket.accept();
    if (!connection) return;
    const backEnd = new ScriptedBackEnd(connection, loop, { ...good(), ...FLAWS[flaw] });
    backEnd.config = new Uint8Array(8);
    if (flaw === 'single') socket[Symbol.dispose]();
  });
  for (;;) loop.turn();
}

serve(process.argv[2]!, process.argv[3]!);
