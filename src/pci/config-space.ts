/**
 * The configuration space of a function that we make up (PCI Local Bus 3.0 §6.1, §6.7): its bytes, which of their bits the guest
 * may write, and its list of capabilities.
 */
import {
  PCI_CAPABILITY_LIST,
  PCI_CLASS_REVISION,
  PCI_COMMAND,
  PCI_COMMAND_INTX_DISABLE,
  PCI_COMMAND_MASTER,
  PCI_COMMAND_MEMORY,
  PCI_DEVICE_ID,
  PCI_HEADER_TYPE,
  PCI_HEADER_TYPE_BRIDGE,
  PCI_HEADER_TYPE_MFD,
  PCI_HEADER_TYPE_NORMAL,
  PCI_INTERRUPT_LINE,
  PCI_INTERRUPT_PIN,
  PCI_STATUS,
  PCI_STATUS_CAP_LIST,
  PCI_SUBSYSTEM_ID,
  PCI_SUBSYSTEM_VENDOR_ID,
  PCI_VENDOR_ID,
} from '../abi/pci.ts';
import { assert } from '../base/assert.ts';
import { alignUp } from '../base/bits.ts';
import type { AccessSize } from '../bus/mmio-device.ts';
import { CONFIG_SPACE_BYTES } from './bus-function.ts';

/** Behind the header, where capabilities may begin; and the end of what every function has (§6.1). */
const CAPABILITIES_FIRST = 0x40;
const CAPABILITIES_END = 0x100;

export interface FunctionIdentity {
  readonly vendorId: number;
  readonly deviceId: number;
  readonly subsystemVendorId?: number;
  readonly subsystemId?: number;
  readonly revision?: number;
  /** Base class, subclass, interface: 24 bits. */
  readonly classCode: number;
  /** Function 0 of a device that has others. */
  readonly isMultiFunction?: boolean;
  /** It leads to another bus, and has the header of those (PCI-to-PCI Bridge Architecture 1.2 §3.2). */
  readonly isBridge?: boolean;
  /** 1…4 for INTA#…INTD#; absent where it has none. */
  readonly interruptPin?: number;
}

export class ConfigSpace {
  /** What the guest reads. Changed through the methods below only. */
  readonly #bytes: DataView;
  readonly #writable = new DataView(new ArrayBuffer(CONFIG_SPACE_BYTES));
  readonly #initial = new Uint8Array(CONFIG_SPACE_BYTES);
  #capabilitiesEnd = CAPABILITIES_FIRST;
  #lastCapability = PCI_CAPABILITY_LIST;

  /** `bytes`: CONFIG_SPACE_BYTES of memory that the guest may see as it is. */
  constructor(identity: FunctionIdentity, bytes: DataView = new DataView(new ArrayBuffer(CONFIG_SPACE_BYTES))) {
    this.#bytes = bytes;
    new Uint8Array(bytes.buffer, bytes.byteOffset, CONFIG_SPACE_BYTES).fill(0);
    const { vendorId, deviceId, subsystemVendorId, subsystemId, revision, classCode, interruptPin } = identity;
    const { isMultiFunction = false, isBridge = false } = identity;
    this.define(PCI_VENDOR_ID, 2, vendorId);
    this.define(PCI_DEVICE_ID, 2, deviceId);
    this.define(PCI_CLASS_REVISION, 4, classCode * 2 ** 8 + (revision ?? 0));
    const kind = isBridge ? PCI_HEADER_TYPE_BRIDGE : PCI_HEADER_TYPE_NORMAL;
    this.define(PCI_HEADER_TYPE, 1, kind | (isMultiFunction ? PCI_HEADER_TYPE_MFD : 0));
    if (!isBridge) {
      this.define(PCI_SUBSYSTEM_VENDOR_ID, 2, subsystemVendorId ?? vendorId);
      this.define(PCI_SUBSYSTEM_ID, 2, subsystemId ?? deviceId);
    }
    this.define(PCI_COMMAND, 2, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
    this.define(PCI_INTERRUPT_PIN, 1, interruptPin ?? 0);
    if (interruptPin !== undefined) this.define(PCI_INTERRUPT_LINE, 1, 0, 0xff);
  }

  /** A register: its value after a reset, and the bits of it that the guest may write. */
  define(offset: number, size: AccessSize, value: number, writable = 0): void {
    store(this.#bytes, offset, size, value);
    store(new DataView(this.#initial.buffer), offset, size, value);
    store(this.#writable, offset, size, writable);
  }

  /**
   * Appends a capability: `body` is what follows its id and the link to the next. It lies behind the last one, or at `offset`.
   * Returns where.
   */
  addCapability(id: number, body: Uint8Array, offset = this.#capabilitiesEnd): number {
    // Registers of capabilities are read as words (§6.7).
    this.#capabilitiesEnd = alignUp(offset + 2 + body.length, 4);
    assert(this.#capabilitiesEnd <= CAPABILITIES_END, 'the capabilities of a PCI function do not fit');
    this.define(this.#lastCapability, 1, offset);
    this.define(offset, 1, id);
    body.forEach((byte, index) => {
      this.define(offset + 2 + index, 1, byte);
    });
    this.#lastCapability = offset + 1;
    this.define(PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
    return offset;
  }

  read(offset: number, size: AccessSize): number {
    if (size === 4) return this.#bytes.getUint32(offset, true);
    return size === 2 ? this.#bytes.getUint16(offset, true) : this.#bytes.getUint8(offset);
  }

  /** A write of the guest: bits that it may not write stay as they are. */
  write(offset: number, size: AccessSize, value: number): void {
    for (let index = 0; index < size; index++) {
      const at = offset + index;
      const mask = this.#writable.getUint8(at);
      const byte = (value >>> (8 * index)) & 0xff;
      this.#bytes.setUint8(at, (this.#bytes.getUint8(at) & ~mask) | (byte & mask));
    }
  }

  /** What we show in a register, whatever the guest may write. */
  show(offset: number, size: AccessSize, value: number): void {
    store(this.#bytes, offset, size, value);
  }

  get command(): number {
    return this.read(PCI_COMMAND, 2);
  }

  reset(): void {
    new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, CONFIG_SPACE_BYTES).set(this.#initial);
  }
}

function store(view: DataView, offset: number, size: AccessSize, value: number): void {
  if (size === 4) view.setUint32(offset, value, true);
  else if (size === 2) view.setUint16(offset, value, true);
  else view.setUint8(offset, value);
}
