/** Programs of the tests that run on an Arm host and import src/: bundled as `make dist` does it, because sixty modules take
 * seconds to load under emulation. */
import { join } from 'node:path';
import { build } from 'esbuild';
import type { NestedHost } from '../../support/nested-host.ts';

/** Beside the bundle of the installed form: koffi's native part is found from there. */
const FOLDER = 'package/lib/orko-vmm';

/** Bundles `test/nested/support/NAME.ts`; returns the path to give to `node` on the host. */
export async function bundleFor(host: NestedHost, name: string): Promise<string> {
  const outfile = join(host.directory, FOLDER, `${name}.mjs`);
  // An ES module, unlike the installed form: the programs await at their top level.
  await build({
    entryPoints: [join(import.meta.dirname, `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: "import{createRequire as orkoRequire}from'node:module';const require=orkoRequire(import.meta.url);" },
    logLevel: 'error',
  });
  return outfile;
}
