/** What `orko-vmm probe` has found, for people and for programs. */
import { virtioIdNames } from '../abi/virtio.ts';
import { formatSize } from '../base/units.ts';
import { offeredFeatures } from '../io/served-profiles.ts';
import { configFields } from '../probe/config-fields.ts';
import type { Finding } from '../probe/findings.ts';
import type { Facts } from '../probe/inspect.ts';
import type { Outcome, Verdict } from '../probe/verdict.ts';
import { featureNames, protocolFeatureNames } from '../vhost-user/feature-names.ts';
import { OUR_PROTOCOL_FEATURES } from '../vhost-user/front-end.ts';

const TITLE_COLUMNS = 20;
const ID_COLUMNS = 34;
const MARKS: Readonly<Record<Finding['severity'], string>> = { error: 'ERROR', warning: 'warn', note: 'note' };

export function probeLines(facts: Facts, findings: readonly Finding[]): string {
  const { features, protocolFeatures, queueCount, regionCount, sharedMemory, known, isGuessed, config } = facts;
  const offered = known && offeredFeatures(known.profile, features, false);
  const rows: [string, ...string[]][] = [
    ['type', typeText(facts, isGuessed)],
    ['queues', queueCount === undefined ? 'it cannot be asked' : String(queueCount)],
    ['memory regions', regionCount === undefined ? 'it cannot be asked: 8' : String(regionCount)],
    ['features', hex(features), ...featureNames(features, known?.profile.id)],
  ];
  if (protocolFeatures === undefined) rows.push(['protocol features', 'none']);
  else {
    rows.push(['protocol features', hex(protocolFeatures), ...protocolFeatureNames(protocolFeatures)]);
    const accepted = protocolFeatures & OUR_PROTOCOL_FEATURES;
    rows.push(['of them accepted', hex(accepted), ...protocolFeatureNames(accepted)]);
  }
  const regions = sharedMemory.flatMap((size, id) => (size > 0n ? [`region ${id}: ${formatSize(Number(size))}`] : []));
  if (regions.length > 0) rows.push(['shared memory', ...(regions as [string])]);
  if (config instanceof Uint8Array) rows.push(['config space', `${config.length} bytes`, ...fieldLines(facts, config)]);
  if (offered !== undefined)
    rows.push(['offered to a guest', hex(offered), ...featureNames(offered, known!.profile.id)]);
  const texts = findings.map(({ severity, text }) => `${MARKS[severity].padEnd(6)} ${text}`);
  if (texts.length > 0) rows.push(['findings', ...(texts as [string])]);
  return rows.flatMap(([title, ...values]) => values.map((value, at) => row(at === 0 ? title : '', value))).join('');
}

/** The same for JSON: masks as texts, with their names. */
export function probeJson(facts: Facts, findings: readonly Finding[]) {
  const { features, protocolFeatures, queueCount, regionCount, sharedMemory } = facts;
  const { known, guesses, isGuessed, config } = facts;
  const id = known?.profile.id;
  const mask = (bits: bigint) => ({ mask: hex(bits), names: featureNames(bits, id) });
  return {
    type: known?.type ?? null,
    ...{ id: id ?? null, isGuessed, couldBe: guesses },
    queues: queueCount === undefined ? null : Number(queueCount),
    memoryRegions: regionCount === undefined ? null : Number(regionCount),
    features: mask(features),
    protocolFeatures:
      protocolFeatures === undefined
        ? null
        : { mask: hex(protocolFeatures), names: protocolFeatureNames(protocolFeatures) },
    sharedMemory: sharedMemory.flatMap((size, region) => (size > 0n ? [{ region, bytes: Number(size) }] : [])),
    config: config instanceof Uint8Array ? (configFields(id!, config) ?? Buffer.from(config).toString('hex')) : null,
    offered: known ? mask(offeredFeatures(known.profile, features, false)) : null,
    findings,
  };
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  pass: 'pass',
  fail: 'FAIL',
  'not-applicable': 'n/a',
  skipped: 'skip',
};

export function verdictLine({ id, title, outcome, why }: Verdict): string {
  const text = why === '' ? title : `${title}: ${why}`;
  return `${OUTCOMES[outcome].padEnd(5)} ${id.padEnd(ID_COLUMNS)} ${text}\n`;
}

/** "57 passed, 1 failed, 4 not applicable, 0 skipped" */
export function countsLine(verdicts: readonly Verdict[]): string {
  const count = (wanted: Outcome) => verdicts.filter(({ outcome }) => outcome === wanted).length;
  const parts = [`${count('pass')} passed`, `${count('fail')} failed`];
  return `${[...parts, `${count('not-applicable')} not applicable`, `${count('skipped')} skipped`].join(', ')}\n`;
}

function typeText({ known }: Facts, isGuessed: boolean): string {
  if (known === undefined) return 'unknown';
  const name = `${known.type} (${virtioIdNames[known.profile.id]?.[0] ?? known.profile.id})`;
  return isGuessed ? `${name}, guessed from what it offers` : name;
}

function fieldLines({ known }: Facts, config: Uint8Array): string[] {
  const fields = Object.entries(configFields(known!.profile.id, config) ?? {});
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

function row(title: string, value: string): string {
  return `${title.padEnd(TITLE_COLUMNS)}${value}\n`;
}

function hex(mask: bigint): string {
  return `0x${mask.toString(16)}`;
}
