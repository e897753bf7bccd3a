/** What a user may ask of a device that another process serves: `orko-vmm ctl NAME device DEVICE screenshot FILE`. */
import { writeFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { assert } from '../base/assert.ts';
import { ConfigError } from '../base/errors.ts';
import { Display, type Extent } from '../vhost-user/display.ts';
import type { DeviceTeller } from './hosted-device.ts';
import { plainError } from './plain-error.ts';

export class ServedActions {
  /** Where the back-end draws, if it does. */
  readonly display: Display | undefined;
  /** Name → help. */
  readonly texts: Readonly<Record<string, string>>;
  readonly #name: string;

  constructor(name: string, extent: Extent | undefined) {
    this.#name = name;
    this.display = extent && new Display(extent);
    this.texts = extent
      ? { screenshot: 'Writes what the guest shows into the new file VALUE, an absolute path, as a PPM picture.' }
      : {};
  }

  /** Nobody shows anything any more: the driver begins anew, or the back-end is gone. */
  clear(): void {
    this.display?.setExtent({ width: 0, height: 0 });
  }

  /** Does it, and tells what came of it. */
  act(action: string, value: string | undefined, call: number, tell: DeviceTeller): void {
    try {
      assert(this.display !== undefined && action === 'screenshot', 'a device was asked for what it said it cannot do');
      tell({ kind: 'answer', call, text: takeScreenshot(this.display, this.#name, value) });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      tell({ kind: 'declined', call, error: plainError(error) });
    }
  }
}

function takeScreenshot(display: Display, name: string, path: string | undefined): string {
  const doing = `Cannot take a screenshot of ${name}`;
  if (path === undefined || !isAbsolute(path)) {
    throw new ConfigError(`${doing}: name a new file by its whole path, as /tmp/screen.ppm`);
  }
  try {
    const picture = display.toPpm();
    if (!picture) throw new ConfigError('the guest shows nothing');
    // What is there already is somebody's.
    writeFileSync(path, picture, { flag: 'wx' });
  } catch (error) {
    throw new ConfigError(`${doing}: ${(error as Error).message}`);
  }
  return `${path} has what ${name} shows`;
}
