/** After a test that failed: what the kernel of the main Arm host said last, such as a process that it killed. */
import { beforeEach } from 'vitest';
import { host } from '../../support/nested-host.ts';

const LINES = 15;

// By the context: tests run at the same time, too.
beforeEach(({ onTestFailed }) => {
  onTestFailed(async ({ task }) => {
    const { stdout } = await (await host('main')).run(`dmesg | tail -n ${LINES}`);
    process.stdout.write(`${task.name}: the Arm host's kernel said last:\n${stdout}\n`);
  });
});
