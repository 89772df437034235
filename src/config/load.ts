// Reads a configuration, from YAML or from a TypeScript module, and gives plain data or every problem with its place. The schema and
// the cross-checks both run over the whole; nothing is resolved until neither complains.
import { readFile, stat } from "node:fs/promises"
import { extname, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { crossChecks } from "./cross-checks.ts"
import { FileSchema } from "./file-schema.ts"
import type { LoadedConfig } from "./loaded.ts"
import { ConfigError, type PlacedProblem, type Problem, problemsOfIssue } from "./problems.ts"
import { resolveDaemon, resolveRouter, warningsOf } from "./resolve.ts"
import { type ConfigSource, sourceOfModule, sourceOfYaml } from "./source.ts"

const MODULES = new Set([".ts", ".mts", ".js", ".mjs"])

/** The configuration in a file: YAML (or JSON, which is YAML too), or a module whose default export is the configuration. */
export const loadConfig = (path: string): Effect.Effect<LoadedConfig, ConfigError> =>
  Effect.gen(function* () {
    const source = MODULES.has(extname(path)) ? yield* moduleSource(path) : yield* yamlSource(path)
    return yield* decodeSource(source, path)
  })

/** The configuration in a text; `file` is what its problems call it. */
export const parseConfig = (text: string, file: string): Effect.Effect<LoadedConfig, ConfigError> =>
  decodeSource(sourceOfYaml(text, file), file)

/** A configuration that is data already. */
export const decodeConfig = (value: unknown, file: string): Effect.Effect<LoadedConfig, ConfigError> =>
  decodeSource(sourceOfModule(value, file), file)

const yamlSource = (path: string): Effect.Effect<ConfigSource, ConfigError> =>
  Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) => unreadable(path, systemWord(cause))
  }).pipe(Effect.map((text) => sourceOfYaml(text, path)))

const moduleSource = (path: string): Effect.Effect<ConfigSource, ConfigError> =>
  Effect.tryPromise({
    try: async () => {
      // A module is loaded once for each URL: the time of change makes a new one when the file is read again.
      const url = pathToFileURL(resolve(path))
      url.searchParams.set("changed", String((await stat(path)).mtimeMs))
      const module: { readonly default?: unknown } = await import(url.href)
      return module
    },
    catch: (cause) => unreadable(path, systemWord(cause))
  }).pipe(
    Effect.flatMap((module) =>
      module.default === undefined
        ? Effect.fail(unreadable(path, "the module has no default export; write `export default defineConfig({ … })`"))
        : Effect.succeed(sourceOfModule(module.default, path))
    )
  )

const decode = Schema.decodeUnknownResult(FileSchema)

const decodeSource = (source: ConfigSource, path: string): Effect.Effect<LoadedConfig, ConfigError> => {
  if (source.syntax.length > 0) return Effect.fail(new ConfigError({ problems: source.syntax }))
  const decoded = decode(source.value, { errors: "all", onExcessProperty: "error" })
  const problems = Result.isFailure(decoded) ? problemsOfIssue(decoded.failure.issue) : []
  const all = [...problems, ...crossChecks(source.value)]
  if (Result.isFailure(decoded) || all.length > 0) {
    return Effect.fail(new ConfigError({ problems: inOrder(all, source) }))
  }
  const router = resolveRouter(decoded.success)
  return Effect.succeed({
    path,
    router,
    daemon: resolveDaemon(decoded.success),
    warnings: warningsOf(router)
  })
}

/** In the order of the file, one problem per place: the first check to complain says the most particular thing. */
const inOrder = (problems: ReadonlyArray<Problem>, source: ConfigSource): ReadonlyArray<PlacedProblem> => {
  const placed = problems.map(source.place)
  const unique = new Map(placed.map((problem) => [`${problem.line}:${problem.column}:${problem.message}`, problem]))
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column)
}

const unreadable = (path: string, why: string): ConfigError =>
  new ConfigError({ problems: [{ file: path, line: 1, column: 1, message: `cannot be read: ${why}` }] })

const systemWord = (cause: unknown): string => {
  const code = (cause as { readonly code?: unknown } | null)?.code
  if (code === "ENOENT") return "no such file; check the path"
  if (code === "EACCES") return "permission denied; check the file's owner and mode"
  if (code === "EISDIR") return "it is a directory; name a file"
  return cause instanceof Error ? cause.message.split("\n")[0]! : String(cause)
}
