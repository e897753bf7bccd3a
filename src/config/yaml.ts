/** YAML text → a plain tree (source.ts). The only file that needs the YAML library, which is loaded only when this is. */
import { type Alias, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { ConfigError } from '../base/errors.ts';
import { type Place, type Scalar, SET_FILE, type Source } from './source.ts';

/** Deeper nesting than any config needs, shallow enough that an alias inside its own anchor ends in a sentence. */
const DEPTH_MAX = 64;

/** Reads YAML 1.2; the first mistake of syntax throws a ConfigError with its line. */
export function readYaml(text: string, file: string): Source {
  const lines = new LineCounter();
  // Values are taken from the nodes, so nothing of the library's own conversion (merge keys, tags) takes part.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [mistake] = document.errors;
  if (mistake) {
    const { line } = lines.linePos(mistake.pos[0]);
    if (mistake.code === 'DUPLICATE_KEY') throw new ConfigError('This key is given twice: remove one', { file, line });
    if (mistake.code === 'MULTIPLE_DOCS') {
      throw new ConfigError('There are several YAML documents here: keep one VM per file', { file, line });
    }
    throw new ConfigError(`This is not YAML: ${lowerFirst(mistake.message)}`, { file, line });
  }

  const lineOf = (node: Node) => (node.range && file !== SET_FILE ? lines.linePos(node.range[0]).line : undefined);

  const convert = (node: Node | null | undefined, at: Place, depth: number): Source => {
    if (depth > DEPTH_MAX) throw new ConfigError(`Mappings and lists are nested deeper than ${DEPTH_MAX} levels`, at);
    if (isAlias(node)) return convert(resolve(node, at), at, depth + 1);
    if (isMap<Node, Node | null>(node)) {
      const entries = new Map<string, Source>();
      for (const { key, value } of node.items) {
        const keyAt = { file, line: lineOf(key) };
        const plain = isAlias(key) ? resolve(key, keyAt) : key;
        if (!isScalar(plain)) throw new ConfigError('A key is a mapping or a list: write a plain word', keyAt);
        entries.set(String(plain.value), convert(value, keyAt, depth + 1));
      }
      return { kind: 'mapping', entries, at };
    }
    if (isSeq<Node | null>(node)) {
      const items = node.items.map((item) => convert(item, { file, line: item ? lineOf(item) : at.line }, depth + 1));
      return { kind: 'list', items, at };
    }
    return { kind: 'scalar', value: isScalar(node) ? plainValue(node.value) : null, at };
  };

  const resolve = (alias: Alias, at: Place): Node => {
    const target = alias.resolve(document);
    if (!target) throw new ConfigError(`There is no anchor &${alias.source}: write one before this alias`, at);
    return target;
  };

  return convert(document.contents, { file, line: document.contents ? lineOf(document.contents) : 1 }, 0);
}

/** One `--set KEY=VALUE`, split: the value is YAML where it can be read as such, otherwise the text as it stands. */
export function readSet(typed: string): Source {
  const at = { file: SET_FILE, line: undefined };
  try {
    return { ...readYaml(typed, SET_FILE), at, typed };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { kind: 'scalar', value: typed, at, typed };
  }
}

function plainValue(value: unknown): Scalar['value'] {
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? value : String(value);
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
