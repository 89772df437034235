// What the hub and the followers of followers.bench.ts have to agree on: the made-up routes, and a sum over a table.
import { encodeRouteValue, routeKey, type Update, UpdateType } from "../src/fanout/index.ts"
import { fold, hashText } from "../src/machine/index.ts"

/** Route number `index`, changed `version` times; odd versions are deletions. */
export const routeUpdate = (index: number, version: number): Update => {
  const isGone = version % 2 === 1
  const value = encodeRouteValue({
    hub: "192.0.2.1",
    nextHops: [{ address: `192.0.2.${1 + (index % 200)}`, weight: 1 }],
    origin: "igp",
    asPath: `64500 ${64_501 + (index % 1000)}`,
    med: version
  })
  return {
    key: routeKey("main", "ipv4-unicast", `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}/32`),
    value: isGone ? null : value,
    revision: String(version),
    v3ResourceVersion: "",
    ttlNanoseconds: 0,
    updateType: isGone ? UpdateType.Deleted : version === 0 ? UpdateType.New : UpdateType.Updated
  }
}

/** A sum that does not depend on order. */
export const digestOf = (sum: number, key: string, value: string): number =>
  (sum + fold(hashText(key), hashText(value))) >>> 0

export const entryHash = (key: string, value: string): number => fold(hashText(key), hashText(value))
