/**
 * The connection on which the back-end of a graphics adapter says what is shown (QEMU's docs/interop/vhost-user-gpu.rst, handed
 * over by GPU_SET_SOCKET). It asks, we answer. Pixels come in messages, or lie in a dma-buf of which we get the descriptor.
 */
import {
  VIRTIO_GPU_RESP_OK_DISPLAY_INFO,
  virtio_gpu_display_one,
  virtio_gpu_resp_display_info,
} from '../abi/virtio-gpu.ts';
import { bit } from '../base/bits.ts';
import { pack, type Struct, struct, type Unpacked, u32, unpack } from '../base/layout.ts';
import type { Fd } from '../host/fd.ts';
import type { UnixSocket } from '../host/unix-socket.ts';
import type { IoLoop } from '../virtio/device.ts';
import { type Display, PIXEL_BYTES } from './display.ts';
import { blamePeer, PeerFault, PeerGone } from './peer-fault.ts';
import { PixelBuffer, type PixelLayout } from './pixel-buffer.ts';

/** "Header". */
const head = struct(12, { request: u32(0), flags: u32(4), size: u32(8) });
const REPLY = bit(2);
/** "Message types". Cursors are not shown. */
const Request = {
  GET_PROTOCOL_FEATURES: 1,
  GET_DISPLAY_INFO: 3,
  SCANOUT: 7,
  UPDATE: 8,
  DMABUF_SCANOUT: 9,
  DMABUF_UPDATE: 10,
} as const;
/** "VhostUserGpuScanout", "VhostUserGpuDMABUFScanout", "VhostUserGpuUpdate". */
const scanout = struct(12, { id: u32(0), width: u32(4), height: u32(8) });
const dmabufScanout = struct(40, {
  ...{ id: u32(0), x: u32(4), y: u32(8), width: u32(12), height: u32(16) },
  ...{ fd_width: u32(20), fd_height: u32(24), fd_stride: u32(28), fd_flags: u32(32), fd_drm_fourcc: u32(36) },
});
const update = struct(20, { id: u32(0), x: u32(4), y: u32(8), width: u32(12), height: u32(16) });
/** "Protocol features": none of ours. */
const NO_FEATURES = new Uint8Array(8);
/** The largest display, drawn at once. */
const PAYLOAD_BYTES_MAX = update.size + 8192 * 8192 * PIXEL_BYTES;
/** What is taken in one turn of the loop, so that a flood of pixels keeps nobody from working. */
const TURN_BYTES = 4 * 1024 * 1024;
/** A DMABUF, or several planes of one. */
const FDS_MAX = 4;

export class DisplayChannel implements Disposable {
  readonly #socket: UnixSocket;
  readonly #display: Display;
  readonly #onFault: (fault: PeerFault) => void;
  readonly #resources = new DisposableStack();
  /** Of the message that is arriving: its header, then its payload. */
  #head: Unpacked<typeof head> | undefined;
  #bytes = new Uint8Array(head.size);
  #count = 0;
  /** What came with it. */
  #fds: Fd[] = [];

  /** Takes over `socket`. */
  constructor(socket: UnixSocket, loop: IoLoop, display: Display, onFault: (fault: PeerFault) => void) {
    this.#socket = this.#resources.use(socket);
    this.#display = display;
    this.#onFault = onFault;
    this.#resources.use(loop.watch(socket.number, { readable: true }, () => this.#hear()));
  }

  #hear(): void {
    try {
      for (let left = TURN_BYTES; left > 0; ) {
        const count = this.#receive();
        if (count === 0) return;
        left -= count;
      }
    } catch (error) {
      if (!(error instanceof PeerFault)) throw error;
      this[Symbol.dispose]();
      this.#onFault(error);
    }
  }

  /** How much has come. */
  #receive(): number {
    const received = blamePeer(() => this.#socket.receive(this.#bytes.length - this.#count, FDS_MAX));
    if (received === undefined) return 0;
    // A message that comes in many pieces shall not heap up what comes with each of them.
    this.#fds.push(...received.fds.slice(0, FDS_MAX - this.#fds.length));
    for (const fd of received.fds) if (!this.#fds.includes(fd)) fd[Symbol.dispose]();
    if (received.bytes.length === 0) throw new PeerGone();
    this.#bytes.set(received.bytes, this.#count);
    this.#count += received.bytes.length;
    if (this.#count === this.#bytes.length) this.#complete();
    return received.bytes.length;
  }

  #complete(): void {
    const bytes = this.#bytes;
    const message = this.#head;
    this.#head = message ? undefined : unpack(head, bytes);
    const next = this.#head?.size ?? 0;
    if (next > PAYLOAD_BYTES_MAX) throw new PeerFault(`it says ${next} bytes at once of its display`);
    this.#bytes = new Uint8Array(next > 0 ? next : head.size);
    this.#count = 0;
    if (message) this.#handle(message.request, bytes);
    else if (next === 0) {
      const { request } = this.#head!;
      this.#head = undefined;
      this.#handle(request, new Uint8Array());
    }
    if (this.#head === undefined) this.#closeFds();
  }

  #closeFds(): void {
    for (const fd of this.#fds.splice(0)) fd[Symbol.dispose]();
  }

  #handle(request: number, payload: Uint8Array): void {
    switch (request) {
      case Request.GET_PROTOCOL_FEATURES:
        this.#answer(request, NO_FEATURES);
        break;
      case Request.GET_DISPLAY_INFO:
        this.#answer(request, displayInfo(this.#display));
        break;
      case Request.SCANOUT: {
        const { id, width, height } = take(scanout, payload.subarray(0, scanout.size));
        if (id === 0) this.#display.setExtent({ width, height });
        break;
      }
      case Request.DMABUF_SCANOUT: {
        const {
          id,
          fd_stride: stride,
          fd_drm_fourcc: format,
          ...rest
        } = take(dmabufScanout, payload.subarray(0, dmabufScanout.size));
        if (id === 0) this.#showBuffer({ shown: rest, stride, format });
        break;
      }
      case Request.UPDATE: {
        const { id, ...rectangle } = take(update, payload.subarray(0, update.size));
        const pixels = payload.subarray(update.size);
        const expected = rectangle.width * rectangle.height * PIXEL_BYTES;
        if (pixels.length !== expected) {
          throw new PeerFault(`it draws ${pixels.length} bytes of pixels where ${expected} belong`);
        }
        if (id === 0) this.#display.draw(rectangle, pixels);
        break;
      }
      case Request.DMABUF_UPDATE:
        this.#answer(request, new Uint8Array());
        break;
    }
  }

  /** Without a descriptor, nothing is shown. */
  #showBuffer(layout: PixelLayout): void {
    const [fd] = this.#fds;
    if (fd === undefined) {
      this.#display.setExtent({ width: 0, height: 0 });
      return;
    }
    this.#display.setSource(layout.shown, () => {
      const buffer = new PixelBuffer(fd, layout);
      this.#fds.shift();
      return buffer;
    });
  }

  #answer(request: number, payload: Uint8Array): void {
    const message = new Uint8Array(head.size + payload.length);
    message.set(pack(head, { request, flags: REPLY, size: payload.length }));
    message.set(payload, head.size);
    if (blamePeer(() => this.#socket.trySend(message)) !== message.length) {
      throw new PeerFault('it does not read what it asked of its display');
    }
  }

  [Symbol.dispose](): void {
    this.#closeFds();
    this.#resources.dispose();
  }
}

/** One display, of the size that it likes best. */
function displayInfo({ preferred: { width, height } }: Display): Uint8Array {
  const one = pack(virtio_gpu_display_one, { 'r.width': width, 'r.height': height, enabled: 1 });
  const pmodes = new Uint8Array(virtio_gpu_resp_display_info.fields.pmodes.size);
  pmodes.set(one);
  return pack(virtio_gpu_resp_display_info, { 'hdr.type': VIRTIO_GPU_RESP_OK_DISPLAY_INFO, pmodes });
}

function take<Layout extends Struct>(layout: Layout, payload: Uint8Array): Unpacked<Layout> {
  if (payload.length < layout.size) throw new PeerFault(`it says ${payload.length} bytes where ${layout.size} belong`);
  return unpack(layout, payload);
}
