/**
 * Loaded into npm by .ci/setup. npm leaves out every optional package (the native builds of our tools) that does not run on the
 * Node which runs npm itself; but they will run on the one that npm is about to install.
 */
const { devDependencies } = require('../package.json');

Object.defineProperty(process, 'version', { value: `v${devDependencies.node.replace(/^[^0-9]*/, '')}` });
