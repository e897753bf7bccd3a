/** How `doctor` shows what it found: a line each, titles aligned, remedies below. */
import type { Finding, Severity } from '../doctor/finding.ts';

/** ECMA-48 §8.3.117 (SGR): green, default, yellow, red. */
const MARKS: Readonly<Record<Severity, { readonly word: string; readonly color: string }>> = {
  ok: { word: 'ok', color: '32' },
  note: { word: 'note', color: '0' },
  warning: { word: 'warn', color: '33' },
  error: { word: 'ERROR', color: '31' },
};
const MARK_WIDTH = Math.max(...Object.values(MARKS).map(({ word }) => word.length));

export interface Page {
  readonly columns: number;
  readonly color: boolean;
}

export function findingLines(findings: readonly Finding[], page: Page): string {
  const titleWidth = Math.max(...findings.map(({ title }) => title.length));
  const indent = MARK_WIDTH + 1 + titleWidth + 2;
  return findings
    .map(({ severity, title, value, consequence, remedy }) => {
      const { word, color } = MARKS[severity];
      const mark = page.color ? `\x1b[${color}m${word.padEnd(MARK_WIDTH)}\x1b[0m` : word.padEnd(MARK_WIDTH);
      const text = wrap(`${value}: ${consequence}`, page.columns - indent);
      const below = remedy === undefined ? [] : wrap(`→ ${remedy}`, page.columns - indent);
      return `${mark} ${title.padEnd(titleWidth)}  ${[...text, ...below].join(`\n${' '.repeat(indent)}`)}\n`;
    })
    .join('');
}

/** Lines of at most `width` characters where the words allow it. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
