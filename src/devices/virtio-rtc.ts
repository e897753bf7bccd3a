/**
 * virtio-rtc (virtio 1.4, "RTC Device"): clocks of the host for the guest, read by request, with an alarm for those that have one.
 */

import { VIRTIO_ID_CLOCK } from '../abi/virtio.ts';
import {
  VIRTIO_RTC_COUNTER_ARM_VCT,
  VIRTIO_RTC_COUNTER_X86_TSC,
  VIRTIO_RTC_F_ALARM,
  VIRTIO_RTC_FLAG_ALARM_CAP,
  VIRTIO_RTC_FLAG_ALARM_ENABLED,
  VIRTIO_RTC_FLAG_CROSS_CAP,
  VIRTIO_RTC_NOTIF_ALARM,
  VIRTIO_RTC_REQ_CFG,
  VIRTIO_RTC_REQ_CLOCK_CAP,
  VIRTIO_RTC_REQ_CROSS_CAP,
  VIRTIO_RTC_REQ_READ,
  VIRTIO_RTC_REQ_READ_ALARM,
  VIRTIO_RTC_REQ_READ_CROSS,
  VIRTIO_RTC_REQ_SET_ALARM,
  VIRTIO_RTC_REQ_SET_ALARM_ENABLED,
  VIRTIO_RTC_S_EINVAL,
  VIRTIO_RTC_S_ENODEV,
  VIRTIO_RTC_S_EOPNOTSUPP,
  virtio_rtc_notif_alarm,
  virtio_rtc_req_cfg,
  virtio_rtc_req_clock_cap,
  virtio_rtc_req_cross_cap,
  virtio_rtc_req_head,
  virtio_rtc_req_read,
  virtio_rtc_req_read_alarm,
  virtio_rtc_req_read_cross,
  virtio_rtc_req_set_alarm,
  virtio_rtc_req_set_alarm_enabled,
  virtio_rtc_resp_cfg,
  virtio_rtc_resp_clock_cap,
  virtio_rtc_resp_cross_cap,
  virtio_rtc_resp_head,
  virtio_rtc_resp_read,
  virtio_rtc_resp_read_alarm,
  virtio_rtc_resp_read_cross,
  virtio_rtc_resp_set_alarm,
  virtio_rtc_resp_set_alarm_enabled,
} from '../abi/virtio-rtc.ts';
import { GuestFault, HostError } from '../base/errors.ts';
import { pack, type Struct, unpack, type Values } from '../base/layout.ts';
import type { DescriptorChain } from '../virtio/chain.ts';
import type { VirtioDevice } from '../virtio/device.ts';
import { DeviceConfig } from '../virtio/device-config.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import { RtcAlarm } from './rtc-alarm.ts';

/** A clock of the host. Readings are nanoseconds since its epoch. */
export interface RtcClock {
  /** VIRTIO_RTC_CLOCK_* */
  readonly type: number;
  now(): bigint;
  /** A reading, and what the guest's virtual counter showed at that time; absent, or undefined, where nobody can tell. */
  readonly cross?: () => { readonly reading: bigint; readonly cycles: bigint } | undefined;
  /**
   * Calls `reached` each time the clock comes to `at` from before, by running or by a step, until the returned function is
   * called. Absent when this clock has no alarm.
   */
  readonly watch?: (at: bigint, reached: () => void) => () => void;
}

/** "Virtqueues" */
const Queue = { REQUEST: 0, ALARM: 1 } as const;
const REQUEST_BYTES_MAX = virtio_rtc_req_set_alarm.size;
/** Counters that the specification names: about others a driver may not even ask. */
const COUNTERS = [VIRTIO_RTC_COUNTER_ARM_VCT, VIRTIO_RTC_COUNTER_X86_TSC];

/** Of an alarm in a saved state. */
const ALARM_STATE_BYTES = 16;
const ALARM_ENABLED = 1n;
const ALARM_EXPIRED = 2n;
const ALARM_AHEAD = 4n;

/** What a request is answered with: the fields of its response, or a status that says why not. */
type Answer<Response extends Struct> = Values<Response> | number;

export class VirtioRtc implements VirtioDevice {
  readonly id = VIRTIO_ID_CLOCK;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config = new DeviceConfig(0);
  readonly inOrder = true;
  readonly #clocks: readonly RtcClock[];
  readonly #alarms: readonly (RtcAlarm | undefined)[];
  readonly #bytes = new Uint8Array(REQUEST_BYTES_MAX);
  #requests: Virtqueue | undefined;
  #notifications: Virtqueue | undefined;
  #hasAlarms = false;

  constructor(clocks: readonly RtcClock[], queueSize: number) {
    this.#clocks = clocks;
    this.#alarms = clocks.map(({ now, watch }) => watch && new RtcAlarm({ now, watch }, () => this.#notifyAlarms()));
    const hasAlarms = this.#alarms.some((alarm) => alarm !== undefined);
    this.features = hasAlarms ? 1n << BigInt(VIRTIO_RTC_F_ALARM) : 0n;
    this.queueSizes = Array<number>(hasAlarms ? 2 : 1).fill(queueSize);
  }

  activate(queues: readonly (Virtqueue | undefined)[], features: bigint): void {
    this.#requests = queues[Queue.REQUEST];
    this.#notifications = queues[Queue.ALARM];
    this.#hasAlarms = features !== 0n;
  }

  notify(index: number): void {
    if (index === Queue.ALARM) this.#notifyAlarms();
    else this.#serve();
  }

  /** Alarms are not kept: nobody knows whether the next driver is the same guest ("Alarm Operation" leaves it to us). */
  reset(): void {
    for (const alarm of this.#alarms) alarm?.reset();
    this.#requests = undefined;
    this.#notifications = undefined;
  }

  /** For each clock that has an alarm: its time (u64) and what ALARM_* say of it (u64). */
  saveState(): Uint8Array {
    const states = this.#alarms.flatMap((alarm) => alarm?.state ?? []);
    return new Uint8Array(
      BigUint64Array.from(
        states.flatMap(({ time, isEnabled, hasExpired, isAhead }) => [
          time,
          (isEnabled ? ALARM_ENABLED : 0n) | (hasExpired ? ALARM_EXPIRED : 0n) | (isAhead ? ALARM_AHEAD : 0n),
        ]),
      ).buffer,
    );
  }

  loadState(state: Uint8Array): void {
    const alarms = this.#alarms.flatMap((alarm) => alarm ?? []);
    if (state.length !== alarms.length * ALARM_STATE_BYTES) {
      throw new HostError(`the state of ${alarms.length} alarms has ${alarms.length * ALARM_STATE_BYTES} bytes`);
    }
    const words = new BigUint64Array(Uint8Array.from(state).buffer);
    for (const [index, alarm] of alarms.entries()) {
      const [time, bits] = [words[2 * index]!, words[2 * index + 1]!];
      const has = (bit: bigint) => (bits & bit) !== 0n;
      alarm.restore({
        ...{ time, isEnabled: has(ALARM_ENABLED) },
        ...{ hasExpired: has(ALARM_EXPIRED), isAhead: has(ALARM_AHEAD) },
      });
    }
  }

  [Symbol.dispose](): void {
    this.reset();
  }

  #serve(): void {
    for (let chain = this.#requests?.pop(); chain; chain = this.#requests?.pop()) {
      const length = chain.read(this.#bytes);
      chain.write(this.#answer(this.#bytes.subarray(0, length), chain.writableLength));
      chain.complete();
    }
    this.#requests?.signal();
  }

  /** Tells of alarms that have expired, as far as the driver has left buffers for it ("Alarm Notifications"). */
  #notifyAlarms(): void {
    for (const [clock_id, alarm] of this.#alarms.entries()) {
      if (!alarm?.hasExpired) continue;
      const chain: DescriptorChain | undefined = this.#notifications?.pop();
      if (chain === undefined) break;
      if (chain.writableLength < virtio_rtc_notif_alarm.size) throw new GuestFault('an alarm buffer is too short');
      chain.write(pack(virtio_rtc_notif_alarm, { 'head.msg_type': VIRTIO_RTC_NOTIF_ALARM, clock_id }));
      chain.complete();
      alarm.hasExpired = false;
    }
    this.#notifications?.signal();
  }

  /** The response to a request, both as bytes. */
  #answer(bytes: Uint8Array, room: number): Uint8Array {
    const request = { bytes, room };
    if (bytes.length < virtio_rtc_req_head.size) return refusal(VIRTIO_RTC_S_EINVAL);
    switch (unpack(virtio_rtc_req_head, bytes).msg_type) {
      case VIRTIO_RTC_REQ_CFG:
        return answer(request, virtio_rtc_req_cfg, virtio_rtc_resp_cfg, () => ({ num_clocks: this.#clocks.length }));
      case VIRTIO_RTC_REQ_CLOCK_CAP:
        return answer(request, virtio_rtc_req_clock_cap, virtio_rtc_resp_clock_cap, (asked) => this.#describe(asked));
      case VIRTIO_RTC_REQ_CROSS_CAP:
        return answer(request, virtio_rtc_req_cross_cap, virtio_rtc_resp_cross_cap, (asked) => this.#crossCap(asked));
      case VIRTIO_RTC_REQ_READ:
        return answer(request, virtio_rtc_req_read, virtio_rtc_resp_read, ({ clock_id }) => {
          const clock = this.#clocks[clock_id];
          return clock ? { clock_reading: clock.now() } : VIRTIO_RTC_S_ENODEV;
        });
      case VIRTIO_RTC_REQ_READ_CROSS:
        return answer(request, virtio_rtc_req_read_cross, virtio_rtc_resp_read_cross, (asked) => this.#cross(asked));
      case VIRTIO_RTC_REQ_READ_ALARM:
        return answer(request, virtio_rtc_req_read_alarm, virtio_rtc_resp_read_alarm, ({ clock_id }) => {
          const alarm = this.#alarm(clock_id);
          if (typeof alarm === 'number') return alarm;
          return { alarm_time: alarm.time, flags: alarm.isEnabled ? VIRTIO_RTC_FLAG_ALARM_ENABLED : 0 };
        });
      case VIRTIO_RTC_REQ_SET_ALARM:
        return answer(request, virtio_rtc_req_set_alarm, virtio_rtc_resp_set_alarm, ({ clock_id, alarm_time, flags }) =>
          this.#setAlarm(clock_id, flags, (alarm, isEnabled) => alarm.set(alarm_time, isEnabled)),
        );
      case VIRTIO_RTC_REQ_SET_ALARM_ENABLED:
        return answer(
          request,
          virtio_rtc_req_set_alarm_enabled,
          virtio_rtc_resp_set_alarm_enabled,
          ({ clock_id, flags }) =>
            this.#setAlarm(clock_id, flags, (alarm, isEnabled) => alarm.set(alarm.time, isEnabled)),
        );
      default:
        return refusal(VIRTIO_RTC_S_EOPNOTSUPP);
    }
  }

  /** leap_second_smearing stays VIRTIO_RTC_SMEAR_UNSPECIFIED: the host may get its time smeared already. */
  #describe({ clock_id }: { clock_id: number }): Answer<typeof virtio_rtc_resp_clock_cap> {
    const clock = this.#clocks[clock_id];
    if (clock === undefined) return VIRTIO_RTC_S_ENODEV;
    return { type: clock.type, flags: this.#hasAlarms && clock.watch ? VIRTIO_RTC_FLAG_ALARM_CAP : 0 };
  }

  #crossCap({ clock_id, hw_counter }: CrossQuestion): Answer<typeof virtio_rtc_resp_cross_cap> {
    const clock = this.#clocks[clock_id];
    if (clock === undefined) return VIRTIO_RTC_S_ENODEV;
    if (!COUNTERS.includes(hw_counter)) return VIRTIO_RTC_S_EOPNOTSUPP;
    const canCross = hw_counter === VIRTIO_RTC_COUNTER_ARM_VCT && clock.cross?.() !== undefined;
    return { flags: canCross ? VIRTIO_RTC_FLAG_CROSS_CAP : 0 };
  }

  #cross({ clock_id, hw_counter }: CrossQuestion): Answer<typeof virtio_rtc_resp_read_cross> {
    const clock = this.#clocks[clock_id];
    if (clock === undefined) return VIRTIO_RTC_S_ENODEV;
    const pair = hw_counter === VIRTIO_RTC_COUNTER_ARM_VCT ? clock.cross?.() : undefined;
    return pair ? { clock_reading: pair.reading, counter_cycles: pair.cycles } : VIRTIO_RTC_S_EOPNOTSUPP;
  }

  /** The alarm of a clock, or why there is none. */
  #alarm(clockId: number): RtcAlarm | number {
    if (this.#clocks[clockId] === undefined) return VIRTIO_RTC_S_ENODEV;
    return (this.#hasAlarms && this.#alarms[clockId]) || VIRTIO_RTC_S_EOPNOTSUPP;
  }

  #setAlarm(
    clockId: number,
    flags: number,
    set: (alarm: RtcAlarm, isEnabled: boolean) => void,
  ): Answer<typeof virtio_rtc_resp_set_alarm> {
    const alarm = this.#alarm(clockId);
    if (typeof alarm === 'number') return alarm;
    if ((flags & ~VIRTIO_RTC_FLAG_ALARM_ENABLED) !== 0) return VIRTIO_RTC_S_EINVAL;
    set(alarm, flags === VIRTIO_RTC_FLAG_ALARM_ENABLED);
    return {};
  }
}

interface CrossQuestion {
  readonly clock_id: number;
  readonly hw_counter: number;
}

/** Decodes a request and encodes what `run` answers; refuses it when either does not fit ("Device Operation", device requirements). */
function answer<Request extends Struct, Response extends Struct>(
  { bytes, room }: { readonly bytes: Uint8Array; readonly room: number },
  request: Request,
  response: Response,
  run: (asked: ReturnType<typeof unpack<Request>>) => Answer<Response>,
): Uint8Array {
  if (bytes.length < request.size || room < response.size || !reservedIsZero(request, bytes)) {
    return refusal(VIRTIO_RTC_S_EINVAL);
  }
  const answered = run(unpack(request, bytes));
  return typeof answered === 'number' ? refusal(answered) : pack(response, answered);
}

/** "The driver MUST set reserved fields to zero." What they may mean one day, this device does not do. */
function reservedIsZero(request: Struct, bytes: Uint8Array): boolean {
  return Object.entries(request.fields).every(
    ([name, { offset, size }]) =>
      !name.endsWith('reserved') || bytes.subarray(offset, offset + size).every((byte) => byte === 0),
  );
}

function refusal(status: number): Uint8Array {
  return pack(virtio_rtc_resp_head, { status });
}
