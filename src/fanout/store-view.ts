// What a store holds, as followers get it. Each speaker writes its keys under its own name, so that speakers of one site do not overwrite each
// other; of what several say about one route the best is told: highest LOCAL_PREF, shortest AS_PATH, lowest origin, lowest MED, and then the
// speaker whose name comes first, the same on every hub. A listing is compared with what is held, so that a hub that had to list again
// tells its followers only what has changed.
import { decodeRouteValue, KEY_PREFIX, type RouteValue } from "./route-key.ts"

/** Under it everything of ours in a store. */
export const STORE_PREFIX = "/backwalk/v1-store/"

/** A key of a hub as its speaker writes it. Undefined: not a key of ours. */
export const storeKey = (speaker: string, key: string): string | undefined =>
  key.startsWith(KEY_PREFIX) ? `${STORE_PREFIX}${escapeName(speaker)}/${key.slice(KEY_PREFIX.length)}` : undefined

/** The speaker's own key: it says whose lease counts. */
export const fenceKey = (speaker: string): string => `${STORE_PREFIX}${escapeName(speaker)}`

/** A hub's own key, by which it knows that it has seen everything. */
export const barrierKey = (hub: string): string => `${STORE_PREFIX}@${escapeName(hub)}`

const escapeName = (name: string): string => name.replaceAll("%", "%25").replaceAll("/", "%2f").replaceAll("@", "%40")

/** One change of what followers are told. */
export interface StoreNews {
  readonly key: string
  /** Null: nobody says it any more. */
  readonly value: Uint8Array | null
  /** Of the store; "" where a listing did not name the key any more. */
  readonly revision: string
}

interface Said {
  readonly speaker: string
  readonly value: Uint8Array
  readonly revision: string
  generation: number
}

export class StoreView {
  /** By the key that followers get, who says what. */
  private readonly said = new Map<string, Array<Said>>()
  private generation = 1
  /** Keys that are no speaker's, and not passed on. */
  foreign = 0
  /** What begins with one of these is somebody else's and passed on as it is. */
  private readonly passed: ReadonlyArray<string>

  constructor(passed: ReadonlyArray<string> = []) {
    this.passed = passed
  }

  get size(): number {
    return this.said.size
  }

  beginListing(): void {
    this.generation++
  }

  /** What the listing that has just ended did not name is gone. */
  endListing(): ReadonlyArray<StoreNews> {
    const news: Array<StoreNews> = []
    for (const [key, all] of this.said) {
      const left = all.filter(({ generation }) => generation === this.generation)
      if (left.length < all.length) this.become(key, all, left, "", news)
    }
    return news
  }

  take(
    updates: ReadonlyArray<{
      readonly key: string
      readonly value: Uint8Array | undefined
      readonly revision: number
    }>
  ): ReadonlyArray<StoreNews> {
    const news: Array<StoreNews> = []
    for (const { key, value, revision } of updates) {
      const named = readStoreKey(key) ?? this.passedKey(key)
      if (named === undefined) {
        this.foreign++
        continue
      }
      const before = this.said.get(named.key) ?? []
      const others = before.filter(({ speaker }) => speaker !== named.speaker)
      const text = String(revision)
      const own =
        value === undefined ? [] : [{ speaker: named.speaker, value, revision: text, generation: this.generation }]
      this.become(named.key, before, [...others, ...own], text, news)
    }
    return news
  }

  private passedKey(key: string): { readonly speaker: string; readonly key: string } | undefined {
    return this.passed.some((prefix) => key.startsWith(prefix)) ? { speaker: "", key } : undefined
  }

  private become(
    key: string,
    before: ReadonlyArray<Said>,
    after: Array<Said>,
    revision: string,
    news: Array<StoreNews>
  ): void {
    if (after.length === 0) this.said.delete(key)
    else this.said.set(key, after)
    const told = bestOf(before)?.value
    const value = bestOf(after)?.value
    if (told === value || (told !== undefined && value !== undefined && sameBytes(told, value))) return
    news.push({ key, value: value ?? null, revision })
  }
}

const bestOf = (all: ReadonlyArray<Said>): Said | undefined =>
  all.length < 2 ? all[0] : all.reduce((best, each) => (isBetter(each, best) ? each : best))

const isBetter = (one: Said, other: Said): boolean => {
  const [a, b] = [rankOf(one.value), rankOf(other.value)]
  for (let step = 0; step < a.length; step++) if (a[step] !== b[step]) return a[step] < b[step]
  return one.speaker < other.speaker
}

/** Lower is better, step by step. What is no route comes last. */
const rankOf = (value: Uint8Array): ReadonlyArray<number> => {
  const route = decodeRouteValue(value)
  if (route === undefined) return [1, 0, 0, 0, 0]
  return [0, -(route.localPref ?? 100), pathLength(route.asPath), originOf(route), route.med ?? 0]
}

/** Each AS of a sequence counts, a set as one, members of our own confederation not at all (RFC 4271 §9.1.2.2, RFC 5065 §5.3). */
const pathLength = (asPath = ""): number =>
  asPath
    .replace(/\([^)]*\)|\[[^\]]*\]/g, "")
    .replace(/\{[^}]*\}/g, "set")
    .split(" ")
    .filter((part) => part !== "").length

const originOf = ({ origin }: RouteValue): number => {
  const rank = ["igp", "egp", "incomplete"].indexOf(String(origin).toLowerCase())
  return rank === -1 ? 2 : rank
}

const readStoreKey = (key: string): { readonly speaker: string; readonly key: string } | undefined => {
  if (!key.startsWith(STORE_PREFIX) || key[STORE_PREFIX.length] === "@") return undefined
  const slash = key.indexOf("/", STORE_PREFIX.length)
  if (slash === -1) return undefined
  return { speaker: key.slice(STORE_PREFIX.length, slash), key: KEY_PREFIX + key.slice(slash + 1) }
}

const sameBytes = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, at) => byte === other[at])
