// Data as read from a file, before anybody vouches for its shape: what is not of the form that is asked for counts as empty. The
// cross-checks look at it this way, so that a wrong value in one place hides no problem in another.
import type { ConfigPath } from "./problems.ts"
import type { Parsed } from "./values.ts"

export type Raw = Readonly<Record<string, unknown>>
export type Report = (path: ConfigPath, message: string, atKey?: boolean) => void

export const record = (value: unknown): Raw =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Raw) : {}

export const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

export const canonical = (value: unknown, parse: (text: string) => Parsed<string>): string | undefined => {
  if (typeof value !== "string") return undefined
  const parsed = parse(value)
  return "value" in parsed ? parsed.value : undefined
}

/** A peer's own word wins over its group's; `~` in the peer takes the group's word back. */
export const mergeOptions = (peer: Raw, group: unknown): Raw => {
  const merged: Record<string, unknown> = {}
  for (const [key, value] of [...Object.entries(record(group)), ...Object.entries(peer)]) {
    if (value === null || value === undefined) delete merged[key]
    else merged[key] = value
  }
  return merged
}

/** What goes for a peer or a range: its own keys and those of its group, if there is such a group. */
export const optionsOf = (entry: Raw, groups: Raw): Raw => {
  const name = entry["group"]
  return mergeOptions(entry, typeof name === "string" && Object.hasOwn(groups, name) ? groups[name] : {})
}
