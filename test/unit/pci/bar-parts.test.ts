import { describe, expect, test } from 'vitest';
import { mappableParts } from '../../../src/pci/bar-parts.ts';

const K4 = 4096;

describe('mappableParts', () => {
  test('all of a BAR of whole pages, nothing of one that is smaller', () => {
    expect(mappableParts([{ offset: 0, size: 4 * K4 }], [], K4)).toEqual([{ offset: 0, size: 4 * K4 }]);
    expect(mappableParts([{ offset: 0, size: K4 }], [], K4)).toEqual([{ offset: 0, size: K4 }]);
    expect(mappableParts([{ offset: 0, size: K4 - 1 }], [], K4)).toEqual([]);
    expect(mappableParts([{ offset: 0, size: 4 * K4 }], [], 16 * K4)).toEqual([]);
  });

  test('no page in which the MSI-X table or the pending bits lie', () => {
    const table = { offset: 2 * K4 + 16, size: 32 };
    const pending = { offset: 3 * K4, size: 8 };
    expect(mappableParts([{ offset: 0, size: 8 * K4 }], [table, pending], K4)).toEqual([
      { offset: 0, size: 2 * K4 },
      { offset: 4 * K4, size: 4 * K4 },
    ]);
    expect(mappableParts([{ offset: 0, size: 8 * K4 }], [table], 4 * K4)).toEqual([{ offset: 4 * K4, size: 4 * K4 }]);
    expect(mappableParts([{ offset: 0, size: K4 }], [{ offset: 0, size: 16 }], K4)).toEqual([]);
  });

  test('a table that begins in one page and ends in the next takes both', () => {
    expect(mappableParts([{ offset: 0, size: 4 * K4 }], [{ offset: 2 * K4 - 8, size: 16 }], K4)).toEqual([
      { offset: 0, size: K4 },
      { offset: 3 * K4, size: K4 },
    ]);
  });

  test('only what the kernel lets be mapped', () => {
    const areas = [
      { offset: 0, size: K4 },
      { offset: 2 * K4 + 100, size: 2 * K4 },
    ];
    expect(mappableParts(areas, [], K4)).toEqual([
      { offset: 0, size: K4 },
      { offset: 3 * K4, size: K4 },
    ]);
  });
});
