/** src/nested/l1-image.ts: L1 runs the Node that the tests run. */
import { expect, test } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { NODE_VERSION } from '../../../src/nested/l1-image.ts';

test('NODE_VERSION: is that of package.json', () => {
  expect(NODE_VERSION).toBe(manifest.devDependencies.node);
});
