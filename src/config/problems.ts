// What is wrong with a configuration, as data: a path into it and a sentence; placed in the file only at the end. Schema's issues and
// our own checks meet here, so that a reader gets all of them at once, in the order of the file.
import * as Data from "effect/Data"
import * as Runtime from "effect/Runtime"
import * as SchemaIssue from "effect/SchemaIssue"

export type ConfigPath = ReadonlyArray<PropertyKey>

export interface Problem {
  readonly path: ConfigPath
  /** The key itself is the problem, not its value. */
  readonly atKey: boolean
  readonly message: string
}

export interface PlacedProblem {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Every problem of one configuration, ready to print. The command line ends with status 2. */
export class ConfigError extends Data.TaggedError("ConfigError")<{ readonly problems: ReadonlyArray<PlacedProblem> }> {
  override readonly [Runtime.errorExitCode] = 2
  override get message(): string {
    return this.problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`).join("\n")
  }
}

export const pathText = (path: ConfigPath): string =>
  path
    .map((part, at) => (typeof part === "number" ? `[${part}]` : at === 0 ? String(part) : `.${String(part)}`))
    .join("")

const leafHook: SchemaIssue.LeafHook = (issue) => {
  switch (issue._tag) {
    case "UnexpectedKey":
    case "MissingKey":
      return issue._tag
    case "InvalidType":
      return annotationOf(issue.ast, "message") ?? SchemaIssue.defaultLeafHook(issue)
    default:
      return SchemaIssue.defaultLeafHook(issue)
  }
}

interface Annotated {
  readonly annotations?: Readonly<Record<string, unknown>> | undefined
  readonly checks?: ReadonlyArray<Annotated> | undefined
}

/** A word that a schema carries for its readers: on itself, or on a check that it was born with (a finite number is a number checked). */
export const annotationOf = (ast: Annotated, name: "message" | "description"): string | undefined => {
  const found = [ast, ...(ast.checks ?? [])].map(({ annotations }) => annotations?.[name])
  return found.find((annotation) => typeof annotation === "string")
}
const format = SchemaIssue.makeFormatterStandardSchemaV1({ leafHook })

/** Flattens Schema's tree: one problem per leaf, with our words for keys that are missing or unknown. */
export const problemsOfIssue = (issue: SchemaIssue.Issue): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  const visit = (node: SchemaIssue.Issue, path: ConfigPath): void => {
    switch (node._tag) {
      case "Composite":
        for (const child of node.issues) visit(child, path)
        return
      case "Pointer":
        visit(node.issue, [...path, ...node.path])
        return
      case "AnyOf":
        // One alternative has the right form, and something inside it is wrong.
        if (node.issues.length === 1) visit(node.issues[0]!, path)
        else for (const { message } of format(node).issues) problems.push({ path, atKey: false, message })
        return
      case "UnexpectedKey":
        problems.push({ path, atKey: true, message: unknownKey(String(path.at(-1)), keysOf(node.ast)) })
        return
      case "MissingKey":
        problems.push({
          path: path.slice(0, -1),
          atKey: false,
          message: `"${String(path.at(-1))}" is missing here; add it`
        })
        return
      default:
        for (const { message } of format(node).issues) problems.push({ path, atKey: false, message })
    }
  }
  visit(issue, [])
  return problems
}

const keysOf = (ast: unknown): ReadonlyArray<string> => {
  const signatures = (ast as { readonly propertySignatures?: ReadonlyArray<{ readonly name: PropertyKey }> })
    .propertySignatures
  return signatures === undefined ? [] : signatures.map((signature) => String(signature.name))
}

const unknownKey = (key: string, known: ReadonlyArray<string>): string => {
  const meant = didYouMean(key, known)
  return meant === undefined
    ? `unknown key "${key}"; known here: ${[...known].sort().join(", ")}`
    : `unknown key "${key}"; did you mean "${meant}"?`
}

/** The nearest of the known names, when it is near enough to be what was meant. */
export const didYouMean = (name: string, known: Iterable<string>): string | undefined => {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_ ]/g, "")
  let best: string | undefined
  let bestDistance = Math.min(3, Math.floor((plain(name).length + 1) / 2) + 1)
  for (const candidate of known) {
    const distance = editDistance(plain(name), plain(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Insertions, deletions and replacements that turn one text into the other. */
const editDistance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
