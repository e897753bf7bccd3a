/**
 * How much DC ZVA zeroes on this CPU: DCZID_EL0.BS (Arm DDI 0487 §D19.2.35). A guest has the block size of its host, KVM has
 * no register for it, and no file of the kernel says it. Every program may read the register, with an instruction that the
 * C library has no function for: so two instructions are put into a page of our own and called.
 */
import { PROT_EXEC, PROT_READ } from '../abi/libc.ts';
import { bits } from '../base/bits.ts';
import * as libc from './libc.ts';
import { Mapping } from './mapping.ts';

/** mrs x0, dczid_el0; ret */
const CODE = [0xd53b00e0, 0xd65f03c0];
/** log2 of the block in words of 4 bytes. */
const BS = bits(3, 0);

/** Bytes of a block; undefined where the system allows nobody to make code. */
export function zeroBlockBytes(): number | undefined {
  using code = Mapping.create(CODE.length * 4, { what: 'the block size of DC ZVA' });
  for (const [index, word] of CODE.entries()) code.view.setUint32(index * 4, word, true);
  // The kernel makes caches coherent when a page becomes executable.
  if (libc.mprotect(code.pointer, code.size, PROT_READ | PROT_EXEC) !== 0) return undefined;
  return 4 << BS.get(Number(libc.callCode(code.pointer)));
}
