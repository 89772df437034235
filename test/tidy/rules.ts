// The rules of docs/ARCHITECTURE.md about source files as functions from a tree of files to findings: no finding, no fault. Pure, so
// that each rule is itself tested with a small tree that breaks it (test/tidy.test.ts).
import {
  BANNED_WORDS,
  CHANCE,
  DOORS,
  EMPTY_FOLDERS,
  EMPTY_NAMES,
  ENTRY_POINTS,
  LINES_MAX,
  LONG_FILES,
  NARROWED,
  PACKAGES,
  PURE_ROOMS,
  ROOMS
} from "./rooms.ts"
import { codeOf, folderOf, type Import, importsOf, joinPath, lineOf, type Tree } from "./source.ts"

/** Findings, each a sentence that begins with the place. */
export type Rule = (tree: Tree) => ReadonlyArray<string>

/** A room imports only rooms listed before it; the few files outside the rooms import what their charter says. */
export const importDirection: Rule = (tree) =>
  eachImport(tree, (path, { specifier, line }) => {
    const target = targetOf(path, specifier)
    if (target === undefined) return []
    const from = roomOf(path)
    const to = roomOf(target)
    if (to === undefined) return [`${path}:${line} imports ${target}, which is in no room`]
    if (from === to || allowedRooms(path, from).includes(to)) return []
    return [`${path}:${line} imports ${to}, which is not above ${from ?? path}`]
  })

/** Another room is entered by its index.ts and nothing else. */
export const frontDoors: Rule = (tree) =>
  eachImport(tree, (path, { specifier, line }) => {
    const target = targetOf(path, specifier)
    if (target === undefined || roomOf(target) === undefined || roomOf(path) === roomOf(target)) return []
    // `testing` has no index.ts: src/testing.ts is its door.
    if (target === `src/${roomOf(target)}/index.ts` || path === "src/testing.ts") return []
    return [`${path}:${line} enters ${roomOf(target)} by ${target}, not by its index.ts`]
  })

/** Pure rooms import no package and no `node:`; the others only what is listed for them. */
export const packages: Rule = (tree) =>
  eachImport(tree, (path, { specifier, line }) => {
    if (specifier.startsWith(".")) return []
    const allowed = PACKAGES[roomOf(path) ?? path.slice("src/".length)]
    return allowed?.test(specifier) === true ? [] : [`${path}:${line} imports "${specifier}"`]
  })

/** Relative imports name a file that exists, with its `.ts`. */
export const importsResolve: Rule = (tree) =>
  [...tree.keys()].filter(isSource).flatMap((path) =>
    importsOf(tree.get(path)!).flatMap(({ specifier, line }) => {
      if (!specifier.startsWith(".") || !specifier.endsWith(".ts")) {
        return specifier.startsWith(".") && !/\.(json|mjs)$/.test(specifier)
          ? [`${path}:${line} imports "${specifier}" without .ts`]
          : []
      }
      return tree.has(joinPath(folderOf(path), specifier))
        ? []
        : [`${path}:${line} imports ${specifier}, which is not there`]
    })
  )

/** No clock, no chance, no waiting, no world in a pure room. */
export const bannedWords: Rule = (tree) =>
  [...tree].flatMap(([path, text]) => {
    if (!isPure(path)) return []
    return usesOf(path, text, BANNED_WORDS)
  })

/** What a test leaves to chance is decided by the seed of the run. */
export const seededTests: Rule = (tree) =>
  [...tree].flatMap(([path, text]) => (path.startsWith("test/") && isSource(path) ? usesOf(path, text, CHANCE) : []))

/** A file opens with a comment that says what it is and why. */
export const headerComments: Rule = (tree) =>
  [...tree].flatMap(([path, text]) => {
    if (!isSource(path)) return []
    const lines = text.replace(/^#!.*\n/, "").split("\n")
    const end = lines.findIndex((line) => !line.startsWith("//"))
    const words =
      lines
        .slice(0, end < 0 ? lines.length : end)
        .join(" ")
        .match(/\p{L}{2,}/gu) ?? []
    return words.length >= 5 ? [] : [`${path} does not open with a comment that says what it is`]
  })

/** What no entry point and no test reaches is dead. Sources must be reached by the program or the library, not only by a test. */
export const orphans: Rule = (tree) => {
  const program = reach(
    tree,
    ENTRY_POINTS.filter((path) => path.startsWith("src/"))
  )
  const everything = reach(tree, [
    ...ENTRY_POINTS,
    ...[...tree.keys()].filter((path) => /\.(test|bench|config)\.ts$/.test(path))
  ])
  return [...tree.keys()].filter(isSource).flatMap((path) => {
    if (path.startsWith("src/")) return program.has(path) ? [] : [`${path} is reached by no entry point`]
    return everything.has(path) || path.startsWith("docs/examples/") ? [] : [`${path} is imported by nothing`]
  })
}

/** A name says what is inside; every folder of `src` is a room. */
export const names: Rule = (tree) =>
  [...tree.keys()].filter(isSource).flatMap((path) => {
    const parts = path.replace(/(\.test|\.d)?\.ts$/, "").split("/")
    const found = parts
      .filter((part, at) => isNamed(part, at === parts.length - 1 ? EMPTY_NAMES : EMPTY_FOLDERS))
      .map((part) => `${path} is called ${part}`)
    const room = roomOf(path)
    return room === undefined || ROOMS.includes(room) ? found : [...found, `${path} is in ${room}, which is no room`]
  })

/** A file fits a sitting. */
export const fileLength: Rule = (tree) =>
  [...tree].flatMap(([path, text]) => {
    const lines = text.split("\n").length - 1
    return !isSource(path) || lines <= LINES_MAX || path in LONG_FILES
      ? []
      : [`${path} has ${lines} lines, more than ${LINES_MAX}`]
  })

/** Every machine that a room exports is registered with the law tests. */
export const machinesRegistered: Rule = (tree) => {
  const registry = codeOf(tree.get("test/laws/registry.ts") ?? "")
  return [...tree].flatMap(([path, text]) => {
    if (!path.startsWith("src/") || path.startsWith("src/machine/")) return []
    return [...codeOf(text).matchAll(MACHINE)].flatMap((match) => {
      const name = match[1] ?? match[2]
      return new RegExp(`\\b${name}\\b`).test(registry)
        ? []
        : [`${path} exports the machine ${name}, which no law test runs`]
    })
  })
}

/** index.ts is a door: a charter and exports, no logic. */
export const doorsWithoutLogic: Rule = (tree) =>
  [...tree].flatMap(([path, text]) =>
    /^src\/(\w+\/)?index\.ts$/.test(path) &&
    /(?<![\w$.])(const|let|function|class|if|for|while)(?![\w$])/.test(codeOf(text))
      ? [`${path} holds logic`]
      : []
  )

/** No test is skipped or run alone; what a machine lacks goes through test/support/requirements.ts. */
export const noSkippedTests: Rule = (tree) =>
  [...tree].flatMap(([path, text]) => {
    if (!path.startsWith("test/") || !path.endsWith(".ts") || path === "test/support/requirements.ts") return []
    const found = codeOf(text).match(/\b(?:it|test|describe)\s*\.\s*(?:skip|only|todo|fails|skipIf|runIf)\b/g) ?? []
    return found.map((use) => `${path} has ${use}`)
  })

/** A machine by its type or its making; a reducer by its name. */
const MACHINE =
  /\bexport const (?:(\w+)\s*(?::\s*Machine\s*<|=\s*fromReducer\b|=\s*\{[^}]*\}\s*satisfies\s+Machine\b)|(reduce[A-Z]\w*)\s*[:=])/g

const usesOf = (path: string, text: string, words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const code = codeOf(text)
  return words.flatMap((word) => {
    const pattern = new RegExp(`(?<![\\w$.])${word.replace(".", "\\s*\\.\\s*")}(?![\\w$])`, "g")
    return [...code.matchAll(pattern)].map((match) => `${path}:${lineOf(code, match.index)} uses ${word}`)
  })
}

const isNamed = (part: string, names: ReadonlyArray<string>): boolean => names.includes(part)

const isSource = (path: string): boolean => path.endsWith(".ts") && !path.endsWith(".d.ts")

const isPure = (path: string): boolean => {
  const room = roomOf(path)
  return room === undefined ? path === "src/index.ts" : PURE_ROOMS.some((pure) => pure === room)
}

/** `src/wire/open.ts` is in `wire`; `src/main.ts` in none. */
const roomOf = (path: string): string | undefined => /^src\/([^/]+)\//.exec(path)?.[1]

/** What a relative import of a file in `src` names, when that is in `src` too. */
const targetOf = (path: string, specifier: string): string | undefined =>
  specifier.startsWith(".") ? joinPath(folderOf(path), specifier) : undefined

const allowedRooms = (path: string, room: string | undefined): ReadonlyArray<string> =>
  room === undefined ? (DOORS[path] ?? []) : (NARROWED[room] ?? ROOMS.slice(0, ROOMS.indexOf(room)))

const eachImport = (tree: Tree, judge: (path: string, found: Import) => ReadonlyArray<string>): ReadonlyArray<string> =>
  [...tree]
    .filter(([path]) => path.startsWith("src/") && isSource(path))
    .flatMap(([path, text]) => importsOf(text).flatMap((found) => judge(path, found)))

const reach = (tree: Tree, from: ReadonlyArray<string>): ReadonlySet<string> => {
  const reached = new Set<string>()
  const waiting = from.filter((path) => tree.has(path))
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    for (const { specifier } of importsOf(tree.get(path)!)) {
      const target = joinPath(folderOf(path), specifier)
      if (specifier.startsWith(".") && tree.has(target)) waiting.push(target)
    }
  }
  return reached
}
