/** `make docs`: writes docs/configuration.md and docs/orko-vmm.1 from the tables they describe. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { loadCommands } from './commands.ts';
import { configurationPage } from './configuration-page.ts';
import { manPage } from './man-page.ts';

/** The generated documents, by their path in the repository. */
export async function references(): Promise<Readonly<Record<string, string>>> {
  return {
    'docs/configuration.md': configurationPage(),
    'docs/orko-vmm.1': manPage(await loadCommands(), manifest.version),
  };
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(await references())) {
    writeFileSync(resolve(import.meta.dirname, '../..', path), text);
  }
}
