// A configuration as read: plain data, and where each part of it stands. YAML keeps the position of every node; a TypeScript module
// has none, so its problems name the path instead of the line.
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit
} from "yaml"
import { type ConfigPath, type PlacedProblem, type Problem, pathText } from "./problems.ts"

export interface ConfigSource {
  readonly value: unknown
  readonly place: (problem: Problem) => PlacedProblem
  /** Problems of the text itself: the data is not to be trusted when there are any. */
  readonly syntax: ReadonlyArray<PlacedProblem>
}

export const sourceOfYaml = (text: string, file: string): ConfigSource => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" })
  const at = (offset: number, message: string): PlacedProblem => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(1, line), column: Math.max(1, col), message }
  }
  const errors = document.errors.map((error) => at(error.pos[0], firstLine(error.message)))
  const data = errors.length > 0 ? undefined : dataOf(document, at)
  return {
    value: data?.value,
    place: ({ path, atKey, message }) => at(offsetOf(document, path, atKey), message),
    syntax: data?.problems ?? errors
  }
}

/** Aliases are only looked up here: what they name may be missing, contain itself, or multiply beyond reason. */
const dataOf = (
  document: Document,
  at: (offset: number, message: string) => PlacedProblem
): { readonly value: unknown; readonly problems: ReadonlyArray<PlacedProblem> } => {
  const problems: Array<PlacedProblem> = []
  visit(document, {
    Alias: (_, alias, parents) => {
      if (alias.resolve(document) !== undefined) return
      // A password that begins with an asterisk is no alias, and is not repeated.
      const message = isPassword(parents.at(-1))
        ? "this is read as an alias; a password that begins with * stands in quotes"
        : `there is no anchor "&${alias.source}" before this; add it, or write the value`
      problems.push(at(alias.range?.[0] ?? 0, message))
    }
  })
  if (problems.length > 0) return { value: undefined, problems }
  try {
    return { value: document.toJS({ maxAliasCount: 1000 }), problems }
  } catch (error) {
    return { value: undefined, problems: [at(0, error instanceof Error ? firstLine(error.message) : String(error))] }
  }
}

const isPassword = (node: unknown): boolean => isPair(node) && isScalar(node.key) && node.key.value === "password"

export const sourceOfModule = (value: unknown, file: string): ConfigSource => ({
  value,
  place: ({ path, message }) => ({
    file,
    line: 1,
    column: 1,
    message: path.length === 0 ? message : `${pathText(path)}: ${message}`
  }),
  syntax: []
})

const firstLine = (text: string): string => text.split("\n")[0]!

/** Where a path leads, as far as the document goes: what is missing is reported at what should hold it. */
const offsetOf = (document: Document, path: ConfigPath, atKey: boolean): number => {
  let node = resolved(document, document.contents)
  let offset = startOf(node, 0)
  for (let depth = 0; depth < path.length; depth++) {
    const part = path[depth]!
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
      if (pair === undefined) return offset
      const keyAt = startOf(pair.key, offset)
      if (atKey && depth === path.length - 1) return keyAt
      offset = pair.value === null ? keyAt : startOf(pair.value, keyAt)
      node = resolved(document, pair.value)
    } else if (isSeq(node)) {
      const item = node.items[Number(part)]
      if (item === undefined) return offset
      offset = startOf(item, offset)
      node = resolved(document, item)
    } else return offset
  }
  return offset
}

const startOf = (node: unknown, otherwise: number): number => {
  if (!isNode(node) || node.range === null || node.range === undefined) return otherwise
  // An empty value has no place of its own that a reader would find; its key does.
  return isScalar(node) && node.value === null && node.range[0] === node.range[1] ? otherwise : node.range[0]
}

const resolved = (document: Document, node: unknown): Node | undefined =>
  isAlias(node) ? node.resolve(document) : isNode(node) ? node : undefined
