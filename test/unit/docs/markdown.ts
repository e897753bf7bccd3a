/** Just enough Markdown for tests that hold documents to the code. */

/** Every table as its rows of cells, the head first. */
export function tablesOf(text: string): string[][][] {
  const tables: string[][][] = [];
  let open = false;
  for (const line of text.split('\n')) {
    const isRow = line.startsWith('|');
    if (isRow && !open) tables.push([]);
    open = isRow;
    if (isRow && !/^[| :-]+$/.test(line)) tables.at(-1)!.push(cellsOf(line));
  }
  return tables;
}

function cellsOf(row: string): string[] {
  return row
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** The lines of every fenced block in a language. */
export function codeOf(text: string, language: string): string[] {
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  return blocks.filter(([, found]) => found === language).flatMap(([, , code]) => code!.trimEnd().split('\n'));
}
