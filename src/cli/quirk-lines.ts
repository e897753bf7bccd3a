/** How `orko-vmm quirks` shows what holds for each PCI function, and why. */
import { formatSize } from '../base/units.ts';
import type { QuirkReport } from '../doctor/pci-quirks.ts';

type Decision = QuirkReport['decisions'][number];

export function quirkLines({ platform, decisions, policies }: QuirkReport): string {
  const { socId, compatibles } = platform;
  const facts = [socId && `SoC id ${socId}`, compatibles.length > 0 && `device tree ${compatibles.join(', ')}`];
  const known = facts.filter(Boolean).join('; ');
  const machine = `machine: ${known || 'neither a SoC id nor a device tree'}\n`;
  if (decisions.length === 0) return `${machine}There is no PCI device that could be passed through.\n`;
  const meanings = Object.entries(policies).map(
    ([name, { how, cost, guest }]) => `  ${name}: ${how}; cost: ${cost}${guest ? `; the guest needs ${guest}` : ''}\n`,
  );
  return [machine, ...decisions.map(linesOf), 'policies:\n', ...meanings].join('');
}

function linesOf({ device, quirk, because, policy }: Decision): string {
  const { address, id, classCode, driver, bars } = device;
  const shown = bars.map(({ index, size, isPrefetchable }) => {
    return `BAR${index} ${formatSize(size)}${isPrefetchable ? ' prefetchable' : ''}`;
  });
  const head = `${address} ${id} class ${classCode.toString(16).padStart(6, '0')}${driver ? `, driver ${driver}` : ''}`;
  const lines = [`${head}: ${shown.join(', ') || 'no memory BARs'}`];
  if (quirk === undefined) {
    lines.push(`policy: ${policy}: no quirk is known of this machine`);
  } else {
    lines.push(`policy: ${policy}: ${quirk.id} (${quirk.hardware}): ${quirk.problem}`);
    lines.push(`because: ${because.join('; ')}`);
    if (quirk.choices.length > 0) lines.push(`or choose: ${quirk.choices.join(' | ')}`);
    if (quirk.exception !== undefined) lines.push(`except: ${quirk.exception}`);
    const { bridge, isIncoherent } = quirk.guest ?? {};
    if (bridge !== undefined)
      lines.push(`the guest is told: while a BAR is direct, by the id ${bridge} of its host bridge`);
    if (isIncoherent) lines.push('the guest is told: by a device tree without dma-coherent at its PCI host bridge');
    if (quirk.note !== undefined) lines.push(`note: ${quirk.note}`);
    lines.push(`source: ${quirk.source}`);
  }
  return `${lines.join('\n  ')}\n`;
}
