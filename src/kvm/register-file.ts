/**
 * The registers of vCPUs for whoever looks at many of them at once: KVM_GET/SET_ONE_REG (api.rst §4.68) through one piece
 * of memory that is made once.
 */
import { KVM_GET_ONE_REG, KVM_SET_ONE_REG, kvm_one_reg } from '../abi/kvm.ts';
import { formatAddress } from '../base/units.ts';
import { ioctlAccepts, ioctlStruct } from '../host/ioctl.ts';
import { Mapping } from '../host/mapping.ts';
import * as ids from './registers.ts';
import type { Vcpu } from './vcpu.ts';

export class RegisterFile implements Disposable {
  readonly #value = Mapping.create(ids.Z_BYTES, { what: 'the value of a register' });
  readonly #request = new Uint8Array(kvm_one_reg.size);
  readonly #view = new DataView(this.#request.buffer);
  readonly #missing = new Set<ids.RegisterId>();

  get(vcpu: Vcpu, id: ids.RegisterId): bigint {
    this.#ask(vcpu, KVM_GET_ONE_REG, id, 'read');
    return this.#value.view.getBigUint64(0, true);
  }

  /** `undefined` where this host's KVM has no such register. */
  find(vcpu: Vcpu, id: ids.RegisterId): bigint | undefined {
    if (this.#missing.has(id)) return undefined;
    if (!this.#accepts(vcpu, KVM_GET_ONE_REG, id)) {
      this.#missing.add(id);
      return undefined;
    }
    return this.#value.view.getBigUint64(0, true);
  }

  set(vcpu: Vcpu, id: ids.RegisterId, value: bigint): void {
    this.#value.view.setBigUint64(0, BigInt.asUintN(64, value), true);
    this.#ask(vcpu, KVM_SET_ONE_REG, id, 'set');
  }

  /** A copy of the 16 bytes of Vn; `hasSve`: KVM has it as the lowest part of Zn. */
  getVector(vcpu: Vcpu, n: number, hasSve: boolean): Uint8Array {
    this.#ask(vcpu, KVM_GET_ONE_REG, hasSve ? ids.z(n) : ids.v(n), 'read');
    return this.#value.bytes.slice(0, ids.V_BYTES);
  }

  /** Sets Vn; of Zn the rest becomes zero, as by every instruction that writes Vn. */
  setVector(vcpu: Vcpu, n: number, bytes: Uint8Array, hasSve: boolean): void {
    this.#value.bytes.fill(0, ids.V_BYTES, ids.Z_BYTES);
    this.#value.bytes.set(bytes);
    this.#ask(vcpu, KVM_SET_ONE_REG, hasSve ? ids.z(n) : ids.v(n), 'set');
  }

  #ask(vcpu: Vcpu, request: number, id: ids.RegisterId, verb: 'read' | 'set'): void {
    if (this.#accepts(vcpu, request, id)) return;
    ioctlStruct(vcpu.fd, request, this.#request, `${verb} register ${formatAddress(id)} of vCPU ${vcpu.index}`);
  }

  /** The words of an error cost more than the call, so there are none before there is one. */
  #accepts(vcpu: Vcpu, request: number, id: ids.RegisterId): boolean {
    this.#view.setBigUint64(kvm_one_reg.fields.id.offset, id, true);
    this.#view.setBigUint64(kvm_one_reg.fields.addr.offset, this.#value.pointer, true);
    return ioctlAccepts(vcpu.fd, request, this.#request);
  }

  [Symbol.dispose](): void {
    this.#value[Symbol.dispose]();
  }
}
