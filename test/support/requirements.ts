// What some tests need from the machine they run on: other people's routing daemons, root, network namespaces. A test says so with
// `requirement("bird", "namespaces")`; what is missing is recorded by name and reported at the end of `npm test`, never passed over
// in silence. With BACKWALK_REQUIRE_ALL=1 (continuous integration sets it) whatever is missing is a failed test.
import { describe as vitestDescribe, it as vitestIt } from "vitest"
import { isAvailable, type RequirementName, recordMissing, remedy, requireAll } from "./available.ts"

export {
  executable,
  executableOf,
  isAvailable,
  missingFile,
  namespaces,
  type ProgramName,
  type RequirementName,
  recordMissing,
  remedy,
  requireAll
} from "./available.ts"

export interface Requirement {
  /** What is not here; empty when the tests can run. */
  readonly missing: ReadonlyArray<RequirementName>
  /** `describe`, or a skipped one, or (everything required) a failing one. */
  readonly describe: (title: string, body: () => void) => void
  /** `it`, likewise. */
  readonly it: (title: string, body: () => void | Promise<void>, timeoutMs?: number) => void
}

/** Says that the tests that hang on it need all of `names`. */
export const requirement = (...names: ReadonlyArray<RequirementName>): Requirement => {
  const missing = names.filter((name) => !isAvailable(name))
  for (const name of missing) recordMissing(name)
  if (missing.length === 0) return { missing, describe: vitestDescribe, it: vitestIt }
  const title = (own: string) => `${own} (needs ${missing.join(", ")})`
  if (!requireAll()) {
    return {
      missing,
      describe: (own, body) => vitestDescribe.skip(title(own), body),
      it: (own, body, timeoutMs) => vitestIt.skip(title(own), body, timeoutMs)
    }
  }
  const fails = (own: string) =>
    vitestIt(title(own), () => {
      throw new Error(`${missing.map(remedy).join("; ")} (BACKWALK_REQUIRE_ALL is set)`)
    })
  return { missing, describe: fails, it: fails }
}
