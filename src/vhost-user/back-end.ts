/**
 * The back-end's side of a vhost-user connection: answers what a front-end asks, for a device of ours. It has all that the
 * front-end gave (memory, eventfds, rings) and lets go of it at the end, which is the front-end's doing or its fault: a request
 * that breaks the protocol is refused, and then the connection is over. Nothing of the next one knows of it.
 */
import { VHOST_F_LOG_ALL } from '../abi/vhost.ts';
import { VIRTIO_F_RING_PACKED } from '../abi/virtio.ts';
import { GuestFault } from '../base/errors.ts';
import type { Fd } from '../host/fd.ts';
import type { UnixSocket } from '../host/unix-socket.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { IoLoop } from '../virtio/device.ts';
import { features, hasFeature } from '../virtio/features.ts';
import type { SignalLoop } from './back-end-ring.ts';
import { BackEndRings, type RingRunner } from './back-end-rings.ts';
import { FrontEndChannel } from './front-end-channel.ts';
import { createInflight } from './inflight-notes.ts';
import { REGIONS_MAX } from './memory-table.ts';
import { FRONT_END } from './message.ts';
import { type Incoming, MessageSocket } from './message-socket.ts';
import { type ConfigAccess, STATE_LOAD, STATE_PHASE_STOPPED, STATE_SAVE } from './payload.ts';
import { PeerFault } from './peer-fault.ts';
import * as protocol from './protocol-features.ts';
import type { Body, FRONT_END_REQUESTS, FrontEndRequest } from './requests.ts';
import { type StatefulDevice, StateTransfer } from './state-transfer.ts';

/** Any of them says that the front-end tells a reset from a stop. */
const RESET_BY_WORD = features(
  protocol.VHOST_USER_PROTOCOL_F_RESET_DEVICE,
  protocol.VHOST_USER_PROTOCOL_F_STATUS,
  protocol.VHOST_USER_PROTOCOL_F_DEVICE_STATE,
);
const PROTOCOL = features(protocol.VHOST_USER_F_PROTOCOL_FEATURES);
const LOG_ALL = features(VHOST_F_LOG_ALL);
const OFFERED = features(
  protocol.VHOST_USER_PROTOCOL_F_MQ,
  protocol.VHOST_USER_PROTOCOL_F_REPLY_ACK,
  protocol.VHOST_USER_PROTOCOL_F_BACKEND_REQ,
  protocol.VHOST_USER_PROTOCOL_F_RESET_DEVICE,
  protocol.VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
  protocol.VHOST_USER_PROTOCOL_F_STATUS,
  protocol.VHOST_USER_PROTOCOL_F_LOG_SHMFD,
);
/** More regions than any front-end has in one table: what fits into a page holds 127. */
const FDS_MAX = 127;
/** A front-end may ask for more of a config space than there is: what no feature speaks of is zero. */
const CONFIG_BYTES_MAX = 256;
/** As libvhost-user answers SET_LOG_BASE: a u64 that says nothing. */
const LOG_REPLY_BYTES = 8;
const SUCCESS = 0n;
const FAILURE = 1n;

/** A device that other processes use. */
export interface ServedDevice extends RingRunner {
  /** All that is offered, bits of rings too. */
  readonly features: bigint;
  readonly queueCount: number;
  /** What it has in hand can be done again by another process (INFLIGHT_SHMFD is offered). */
  readonly keepsNotes: boolean;
  /** The config space is the device's, and not one of the front-end's making (CONFIG is offered). */
  readonly showsConfig: boolean;
  /** DEVICE_NEEDS_RESET of Status, 0 without it. */
  readonly needsReset: number;
  readonly config: Uint8Array;
  writeConfig(offset: number, bytes: Uint8Array): void;
  /** What may be taken out of it and put into another while no ring runs (DEVICE_STATE is offered), if there is anything. */
  readonly state: StatefulDevice | undefined;
  /** The front-end has words for a reset: that all rings have stopped is none. */
  isResetByWord: boolean;
  /** The device is as new; no ring runs. */
  reset(): void;
}

export interface BackEndWorld {
  readonly loop: IoLoop & SignalLoop;
  /** What the device works on: what the front-end gives, and nothing before and after that. */
  readonly memory: GuestMemory;
  readonly device: ServedDevice;
  log(message: string): void;
  /** It is over. Comes once, with everything released. */
  onEnd(fault: PeerFault): void;
}

export class BackEnd implements Disposable {
  readonly #world: BackEndWorld;
  readonly #socket: MessageSocket;
  readonly #rings: BackEndRings;
  readonly #resources = new DisposableStack();
  #protocolFeatures = 0n;
  #status = 0;
  #channel: FrontEndChannel | undefined;
  #transfer: StateTransfer | undefined;
  #hasEnded = false;

  /** Takes over `socket`. */
  constructor(socket: UnixSocket, world: BackEndWorld) {
    this.#world = world;
    const { loop, memory, device, log } = world;
    device.isResetByWord = false;
    this.#socket = this.#resources.use(new MessageSocket(socket, FDS_MAX));
    this.#rings = this.#resources.use(new BackEndRings(device.queueCount, { loop, memory, runner: device, log }));
    // Before the rings are let go of.
    this.#resources.defer(() => device.reset());
    this.#resources.defer(() => this.#channel?.[Symbol.dispose]());
    this.#resources.defer(() => this.#transfer?.[Symbol.dispose]());
    this.#resources.use(loop.watch(socket.number, { readable: true }, () => this.#guard(() => this.#hear())));
  }

  // ── what the device says ──

  interrupt(index: number): void {
    this.#rings.interrupt(index);
  }

  /** The driver has broken the device. */
  faulted(): void {
    this.#rings.reportError();
  }

  configChanged(): void {
    this.#channel?.tellConfigChange();
  }

  // ── what the front-end says ──

  /** One message a turn, so that a flood of them keeps nobody from working. */
  #hear(): void {
    const message = this.#socket.receive();
    if (!message) return;
    const fds = [...message.fds];
    try {
      this.#answer(message, fds);
    } finally {
      for (const fd of fds) fd[Symbol.dispose]();
    }
  }

  /** `fds`: those that are left in it are closed. */
  #answer({ header, payload }: Incoming, fds: Fd[]): void {
    try {
      const request = FRONT_END.decodeRequest(header, payload, fds.length);
      if (!request) throw new PeerFault(`it sends request ${header.request}, which there is not`);
      this.#checkAllowed(request.name);
      const replyFds = new DisposableStack();
      using _ = replyFds;
      const reply = this.#handle(request, fds, replyFds);
      if (reply) this.#socket.send(reply.bytes, reply.fds);
      else if (header.needsReply) this.#socket.send(FRONT_END.encodeAck(header.request, SUCCESS));
    } catch (error) {
      if (!(error instanceof PeerFault || error instanceof GuestFault)) throw error;
      if (header.needsReply) this.#socket.send(FRONT_END.encodeAck(header.request, FAILURE));
      throw error;
    }
  }

  #checkAllowed(name: FrontEndRequest['name']): void {
    const needed = FRONT_END.needs(name);
    if (needed !== undefined && !this.#has(needed)) {
      throw new PeerFault(`it sends ${name}, which needs protocol feature ${needed}, and has not accepted that`);
    }
  }

  #handle(request: FrontEndRequest, fds: Fd[], replyFds: DisposableStack): Reply | undefined {
    const { device, loop } = this.#world;
    const rings = this.#rings;
    switch (request.name) {
      case 'GET_FEATURES':
        return reply(FRONT_END.encodeReply('GET_FEATURES', this.#features));
      case 'SET_FEATURES':
        this.#setFeatures(request.body);
        return undefined;
      case 'GET_PROTOCOL_FEATURES':
        return reply(FRONT_END.encodeReply('GET_PROTOCOL_FEATURES', this.#offered));
      case 'SET_PROTOCOL_FEATURES':
        this.#protocolFeatures = accepted(request.body, this.#offered, 'protocol features');
        device.isResetByWord = (this.#protocolFeatures & RESET_BY_WORD) !== 0n;
        return undefined;
      case 'GET_QUEUE_NUM':
        return reply(FRONT_END.encodeReply('GET_QUEUE_NUM', BigInt(device.queueCount)));
      case 'GET_MAX_MEM_SLOTS':
        return reply(FRONT_END.encodeReply('GET_MAX_MEM_SLOTS', BigInt(REGIONS_MAX)));
      case 'SET_MEM_TABLE':
        rings.setMemory(request.body, fds);
        return undefined;
      case 'ADD_MEM_REG':
        rings.addMemory(request.body, fds[0]!);
        return undefined;
      case 'REM_MEM_REG':
        rings.removeMemory(request.body);
        return undefined;
      case 'SET_VRING_NUM':
        rings.setSize(request.body.index, request.body.num);
        return undefined;
      case 'SET_VRING_ADDR':
        rings.setAddresses(request.body);
        return undefined;
      case 'SET_VRING_BASE':
        rings.setBase(request.body.index, request.body.num);
        return undefined;
      case 'GET_VRING_BASE': {
        const { index } = request.body;
        return reply(FRONT_END.encodeReply('GET_VRING_BASE', { index, num: rings.stop(index) }));
      }
      case 'SET_VRING_KICK': {
        const fd = fds.pop();
        if (!fd) throw new PeerFault(`it wants ring ${request.body.index} to be polled, which is not done here`);
        rings.setKick(request.body.index, fd);
        return undefined;
      }
      case 'SET_VRING_CALL':
        rings.setCall(request.body.index, fds.pop());
        return undefined;
      case 'SET_VRING_ERR':
        rings.setError(request.body.index, fds.pop());
        return undefined;
      case 'SET_VRING_ENABLE':
        rings.setEnabled(request.body.index, request.body.num === 1);
        return undefined;
      case 'SET_BACKEND_REQ_FD':
        this.#channel?.[Symbol.dispose]();
        this.#channel = new FrontEndChannel(
          fds.pop()!,
          loop,
          this.#has(protocol.VHOST_USER_PROTOCOL_F_REPLY_ACK),
          (work) => this.#guard(work),
        );
        return undefined;
      case 'GET_CONFIG':
        return reply(FRONT_END.encodeReply('GET_CONFIG', this.#readConfig(request.body)));
      case 'SET_CONFIG':
        this.#writeConfig(request.body);
        return undefined;
      case 'GET_INFLIGHT_FD': {
        const { description, fd } = createInflight(request.body);
        replyFds.use(fd);
        return reply(FRONT_END.encodeReply('GET_INFLIGHT_FD', description), fd);
      }
      case 'SET_INFLIGHT_FD':
        rings.setInflight(request.body, fds[0]!);
        return undefined;
      case 'SET_STATUS':
        this.#setStatus(Number(request.body));
        return undefined;
      case 'GET_STATUS':
        return reply(FRONT_END.encodeReply('GET_STATUS', BigInt(this.#status | device.needsReset)));
      // RESET_OWNER: "no longer used", and by some to disable all rings.
      case 'RESET_OWNER':
      case 'RESET_DEVICE':
        rings.disable();
        device.reset();
        return undefined;
      case 'SET_LOG_BASE':
        rings.setLog(request.body.offset, request.body.size, fds[0]!);
        return reply(FRONT_END.encodeReply('SET_LOG_BASE', new Uint8Array(LOG_REPLY_BYTES)));
      case 'SET_LOG_FD':
        rings.setLogEvent(fds.pop()!);
        return undefined;
      case 'SET_DEVICE_STATE_FD':
        this.#transferState(request.body, fds.pop()!);
        return reply(FRONT_END.encodeReply('SET_DEVICE_STATE_FD', { error: 0, hasFd: false }));
      case 'CHECK_DEVICE_STATE': {
        const hasWorked = this.#transfer?.end() ?? false;
        this.#transfer = undefined;
        return reply(FRONT_END.encodeReply('CHECK_DEVICE_STATE', hasWorked ? SUCCESS : FAILURE));
      }
      case 'SET_OWNER':
        return undefined;
      default:
        throw new PeerFault(`it sends ${request.name}, which is not for this device`);
    }
  }

  get #offered(): bigint {
    const { keepsNotes, showsConfig, state } = this.#world.device;
    return (
      OFFERED |
      (keepsNotes ? features(protocol.VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) : 0n) |
      (showsConfig ? features(protocol.VHOST_USER_PROTOCOL_F_CONFIG) : 0n) |
      (state ? features(protocol.VHOST_USER_PROTOCOL_F_DEVICE_STATE) : 0n)
    );
  }

  /** A packed ring is written in other places than a log is told of ("SET_VRING_ADDR"). */
  get #features(): bigint {
    const { features: own } = this.#world.device;
    return own | PROTOCOL | (hasFeature(own, VIRTIO_F_RING_PACKED) ? 0n : LOG_ALL);
  }

  #setFeatures(body: bigint): void {
    const all = accepted(body, this.#features, 'features');
    this.#rings.setFeatures(all & ~PROTOCOL & ~LOG_ALL, (all & PROTOCOL) === 0n);
    this.#rings.setLogging((all & LOG_ALL) !== 0n);
  }

  /** 0 is a reset of the device; where its rings stand may still be asked for. */
  #setStatus(status: number): void {
    this.#status = status;
    if (status !== 0) return;
    this.#rings.disable();
    this.#world.device.reset();
  }

  /** Takes over `fd`. */
  #transferState({ direction, phase }: Body<typeof FRONT_END_REQUESTS, 'SET_DEVICE_STATE_FD'>, fd: Fd): void {
    using owned = new DisposableStack();
    owned.use(fd);
    const { device, loop, log } = this.#world;
    if (this.#rings.areRunning) throw new PeerFault('it wants the state of a device whose rings run');
    if (phase !== STATE_PHASE_STOPPED || (direction !== STATE_SAVE && direction !== STATE_LOAD)) {
      throw new PeerFault(`it wants a state moved in direction ${direction}, in phase ${phase}, which there is not`);
    }
    this.#transfer?.[Symbol.dispose]();
    this.#transfer = new StateTransfer(device.state!, log);
    owned.move();
    if (direction === STATE_SAVE) this.#transfer.save(fd);
    else this.#transfer.load(fd, loop, (work) => this.#guard(work));
  }

  #readConfig({ offset, flags, bytes }: ConfigAccess): ConfigAccess {
    const end = offset + bytes.length;
    if (end > CONFIG_BYTES_MAX) throw new PeerFault(`it reads ${bytes.length} bytes of config space at ${offset}`);
    const all = new Uint8Array(CONFIG_BYTES_MAX);
    all.set(this.#world.device.config);
    return { offset, flags, bytes: all.subarray(offset, end) };
  }

  #writeConfig({ offset, bytes }: ConfigAccess): void {
    const { device } = this.#world;
    if (offset + bytes.length > device.config.length) {
      throw new PeerFault(`it writes ${bytes.length} bytes of config space at ${offset}, of ${device.config.length}`);
    }
    device.writeConfig(offset, bytes);
  }

  #has(feature: number): boolean {
    return hasFeature(this.#protocolFeatures, feature);
  }

  /** The one place where the front-end's faults are caught. What the guest puts where rings cannot be is one of them. */
  #guard(work: () => void): void {
    if (this.#hasEnded) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof PeerFault || error instanceof GuestFault)) throw error;
      this[Symbol.dispose]();
      this.#world.onEnd(
        error instanceof PeerFault ? error : new PeerFault(`it gives a ring that cannot be: ${error.message}`),
      );
    }
  }

  [Symbol.dispose](): void {
    this.#hasEnded = true;
    this.#resources.dispose();
  }
}

interface Reply {
  readonly bytes: Uint8Array;
  readonly fds: readonly Fd[];
}

function reply(bytes: Uint8Array, ...fds: readonly Fd[]): Reply {
  return { bytes, fds };
}

function accepted(wanted: bigint, offered: bigint, what: string): bigint {
  const unknown = wanted & ~offered;
  if (unknown !== 0n) throw new PeerFault(`it accepts ${what} that were not offered (0x${unknown.toString(16)})`);
  return wanted;
}
