/** `orko-vmm schema`: the JSON Schema of the config, for editors. */
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { print } from './output.ts';

export const schemaCommand = defineCommand({
  name: 'schema',
  summary: 'Print the JSON Schema of the config file',
  description:
    'Prints the JSON Schema (draft 2020-12) of the config file. An editor with a YAML language server completes and checks configs that begin with `# yaml-language-server: $schema=orko-vmm.schema.json`.',
  positionals: {},
  options: {},
  examples: [{ line: 'orko-vmm schema > orko-vmm.schema.json', what: 'Save the schema for the editor' }],
  async run() {
    const { configJsonSchema } = await import('../config/json-schema.ts');
    print(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
    return EXIT.OK;
  },
});
