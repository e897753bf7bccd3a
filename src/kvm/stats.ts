/** KVM's binary statistics (api.rst §4.133): counters of a VM or a vCPU, each with its name. */
import { kvm_stats_desc, kvm_stats_header } from '../abi/kvm.ts';
import { unpack } from '../base/layout.ts';
import { Fd } from '../host/fd.ts';
import * as libc from '../host/libc.ts';
import { readAt } from '../host/read.ts';

export class BinaryStats implements Disposable {
  readonly #fd: Fd;
  readonly #dataOffset: number;
  /** Name → where in the data block it lies, in bytes. All values are u64. */
  readonly #offsets: ReadonlyMap<string, number>;
  readonly #data: Uint8Array;

  private constructor(fd: Fd) {
    this.#fd = fd;
    const header = unpack(kvm_stats_header, readAt(fd, 0, kvm_stats_header.size));
    this.#dataOffset = header.data_offset;
    const step = kvm_stats_desc.size + header.name_size;
    const block = readAt(fd, header.desc_offset, header.num_desc * step);
    const offsets = new Map<string, number>();
    let end = 0;
    for (let index = 0; index < header.num_desc; index++) {
      const bytes = block.subarray(index * step, (index + 1) * step);
      const { offset, size } = unpack(kvm_stats_desc, bytes);
      const name = bytes.subarray(kvm_stats_desc.size);
      offsets.set(String.fromCharCode(...name.subarray(0, name.indexOf(0))), offset);
      end = Math.max(end, offset + size * 8);
    }
    this.#offsets = offsets;
    this.#data = new Uint8Array(end);
  }

  /** `owner` is a VM or a vCPU. Undefined when its kernel has no binary statistics. */
  static open(owner: Fd, request: number): BinaryStats | undefined {
    const number = libc.ioctl(owner.number, request, 0);
    return number === -1 ? undefined : new BinaryStats(new Fd(number));
  }

  /** All counters by the kernel's names; of a histogram the first bucket. */
  read(): Record<string, bigint> {
    this.#data.set(readAt(this.#fd, this.#dataOffset, this.#data.length));
    const view = new DataView(this.#data.buffer);
    return Object.fromEntries([...this.#offsets].map(([name, offset]) => [name, view.getBigUint64(offset, true)]));
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}
