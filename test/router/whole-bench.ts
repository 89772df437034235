// A router among neighbours of every kind, driven by their messages, and beside it the list of paths from which the model says what each of
// them should hold. What they are told is read byte by byte: nothing twice, nothing forgotten that is not held, no identifier that moves.
import { expect } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import { PEER_QUEUE_BYTES_MAX } from "../../src/machine/index.ts"
import { query, type RouterConfig, router } from "../../src/router/index.ts"
import {
  type Attributes,
  encodeEndOfRib,
  encodeNotification,
  encodeRouteRefresh,
  encodeUpdate,
  keepalive,
  MessageType,
  type Nlri,
  RefreshSubtype
} from "../../src/wire/index.ts"
import { configOf, Driver } from "./driver.ts"
import { withoutSums } from "./fresh-sums.ts"
import {
  bestOf,
  CONFEDERATION,
  isOfMembers,
  isOutside,
  keptOf,
  MEMBER_AS,
  type Neighbour,
  type Path,
  sharingOf,
  toldTo,
  type World
} from "./whole-model.ts"
import { configFor, openFor } from "./whole-neighbour.ts"
import { type Name, nextHopWords, read, textFor } from "./whole-reader.ts"

export const PREFIXES = 4
/** An UPDATE of a neighbour; its path is that without what every neighbour of its kind has to put in front. */
export interface Told {
  readonly attributes: Attributes
  readonly nextHop: number
  readonly announced: ReadonlyArray<Name>
  readonly withdrawn: ReadonlyArray<Name>
}

export class WholeBench {
  readonly neighbours: ReadonlyArray<Neighbour>
  private readonly world: World
  /** Each path has a community of its own, so that it is known again. */
  private readonly isMarked: boolean
  private readonly driver: Driver
  private readonly conns = new Map<Neighbour, ConnId>()
  private readonly held = new Map<Neighbour, Map<string, string>>()
  private readonly paths = new Map<string, Path>()
  private readonly removed = new Set<Neighbour>()
  private readonly telling = new Set<Neighbour>()
  /** They asked for everything again, or are told in another way. */
  private readonly toldAgain = new Set<Neighbour>()
  /** By neighbour and path: the identifier. */
  private identifiers = new Map<string, string>()

  constructor(world: World, neighbours: ReadonlyArray<Neighbour>, isMarked: boolean) {
    this.world = world
    this.neighbours = neighbours
    this.isMarked = isMarked
    this.driver = new Driver(this.config)
    for (const one of neighbours) this.open(one, false)
  }

  /** `forwarding`: it says that it has kept its state over its restart. */
  open(one: Neighbour, forwarding: boolean): void {
    if (this.conns.has(one) || this.removed.has(one)) return
    this.driver.pass(3000)
    const conn = this.driver.accept(one.address, "10.0.0.1:179")
    this.driver.hear(conn, openFor(one, forwarding), keepalive())
    expect([one.address, this.driver.closed.has(conn)]).toEqual([one.address, false])
    this.conns.set(one, conn)
    this.held.set(one, new Map())
    if (!forwarding) this.forget(one, ({ stale }) => stale)
  }

  endOfRib(one: Neighbour): void {
    const conn = this.conns.get(one)
    if (conn === undefined) return
    for (const family of one.families) this.driver.hear(conn, encodeEndOfRib(family))
    // While it tells its table again, the end of that says what has gone.
    if (!this.telling.has(one)) this.forget(one, ({ stale }) => stale)
    else this.mark(one, { stale: false })
  }

  /** It begins to tell its table again, or ends that (RFC 7313 §4). */
  tellAgain(one: Neighbour, begins: boolean): void {
    const conn = this.conns.get(one)
    if (conn === undefined || !one.marks) return
    const subtype = begins ? RefreshSubtype.Begin : RefreshSubtype.End
    for (const family of one.families) {
      this.driver.hear(conn, encodeRouteRefresh({ afi: family + 1, safi: 1, subtype }))
    }
    if (begins) {
      this.telling.add(one)
      this.mark(one, { isOld: true })
    } else if (this.telling.delete(one)) this.forget(one, ({ isOld }) => isOld === true)
  }

  close(one: Neighbour): void {
    const conn = this.conns.get(one)
    if (conn === undefined) return
    this.driver.closeFrom(conn)
    this.lose(one, one.graceful)
  }

  notify(one: Neighbour): void {
    const conn = this.conns.get(one)
    if (conn === undefined) return
    // A reset, not a shutdown: who says that it does not want us is asked again later each time (RFC 4486 §4), and the bench does not wait.
    this.driver.hear(conn, encodeNotification({ code: 6, subcode: 4, data: new Uint8Array(0) }))
    this.finishCloses()
  }

  refresh(one: Neighbour): void {
    const conn = this.conns.get(one)
    if (conn === undefined) return
    this.toldAgain.add(one)
    for (const family of one.families) {
      this.driver.hear(conn, encodeRouteRefresh({ afi: family + 1, safi: 1, subtype: 0 }))
    }
  }

  /** It does not read: what it is told from now on is only noted. */
  stall(one: Neighbour): void {
    const conn = this.driver.state.connections.get(this.conns.get(one) ?? 0)
    if (conn?.session === undefined) return
    conn.unsentBytes += 2 * PEER_QUEUE_BYTES_MAX
    for (const membership of conn.session.memberships) this.driver.state.rib.stall(membership)
    this.driver.step()
  }

  read(one: Neighbour): void {
    const conn = this.driver.state.connections.get(this.conns.get(one) ?? 0)
    if (conn !== undefined) conn.unsentBytes = 0
    this.driver.step()
  }

  /** It is no neighbour for a while, and then again one. */
  remove(one: Neighbour): void {
    if (this.removed.has(one)) this.removed.delete(one)
    else this.removed.add(one)
    this.configure(undefined)
    if (this.removed.has(one)) this.forget(one, () => true)
  }

  /** A quantum of whatever waits. */
  quantum(): void {
    this.driver.quantum()
  }

  /** What was changed of `one`, or of the world, takes effect. */
  configure(one: Neighbour | undefined): void {
    if (one !== undefined) this.toldAgain.add(one)
    this.driver.command({ command: "configure", config: this.config, seed: 1 })
    this.finishCloses()
  }

  originate(prefix: number, isThere: boolean): void {
    const text = `10.${prefix}.0.0/16`
    if (isThere) this.driver.command({ command: "announce", route: { prefix: text, communities: ["0:1"] } })
    else this.driver.command({ command: "withdraw", prefix: text })
    const attributes = { origin: 0, asPath: [], communities: [1] }
    if (!isThere) this.dropPath(`ours/0/${prefix}/0`)
    else
      this.paths.set(`ours/0/${prefix}/0`, {
        ...{ from: undefined, family: 0, prefix, id: 0, attributes, nextHop: 0, stale: false }
      })
  }

  hear(one: Neighbour, { attributes, nextHop, ...names }: Told): void {
    const conn = this.conns.get(one)
    const isSpoken = ({ family }: Name): boolean => one.families.includes(family)
    const [announced, withdrawn] = [names.announced.filter(isSpoken), names.withdrawn.filter(isSpoken)]
    if (conn === undefined || announced.length + withdrawn.length === 0) return
    const said = this.saidBy(one, attributes)
    this.driver.hear(conn, this.update(one, said, nextHop, announced, withdrawn))
    const keyOf = ({ family, prefix, id }: Name): string => `${one.index}/${family}/${prefix}/${one.sendsIds ? id : 0}`
    for (const name of withdrawn) this.dropPath(keyOf(name))
    for (const { family, prefix, id } of announced) {
      const path = { from: one, family, prefix, id: one.sendsIds ? id : 0, nextHop, stale: false }
      this.paths.set(keyOf({ family, prefix, id }), { ...path, attributes: keptOf(one, said) })
    }
  }

  check(): void {
    const { driver } = this
    for (const one of this.conns.keys()) this.read(one)
    driver.settle()
    while (driver.undrained.length > 0) {
      driver.drain()
      driver.settle()
    }
    for (const one of this.conns.keys()) this.listen(one)
    this.toldAgain.clear()
    for (const family of [0, 1] as const) {
      for (let prefix = 0; prefix < PREFIXES; prefix++) this.checkPrefix(family, prefix)
    }
    // Digests are sums that are kept from the first time on that anybody asks.
    expect(driver.digest).toBe(router.digest(withoutSums(driver.state)))
  }

  /** No sweep waits. */
  settle(): void {
    this.driver.settle()
  }

  /** The entries of the forwarding graph. Numbers of path-lists are given in the order in which somebody needs them. */
  entries(): ReadonlyArray<unknown> {
    const rows = query(this.driver.state, "fib") as Iterable<Record<string, unknown>>
    return [...rows].map((row) => ({ ...row, pathList: undefined }))
  }

  get digest(): number {
    return this.driver.digest
  }

  private get config(): RouterConfig {
    const { options, inConfederation } = this.world
    return configOf(this.neighbours.filter((one) => !this.removed.has(one)).map(configFor), {
      clusterId: "10.0.0.193",
      bestPath: options,
      ...(inConfederation ? { confederation: { identifier: CONFEDERATION, members: [MEMBER_AS] } } : {})
    })
  }

  /** The attributes as the neighbour writes them: a member of the confederation says first which. */
  private saidBy(one: Neighbour, attributes: Attributes): Attributes {
    const { asPath = [], communities = [], ...rest } = attributes
    const inner = this.world.inConfederation && !isOutside(one) && one.as4 ? asPath.filter(isOfMembers) : []
    const outer = asPath.filter((segment) => !isOfMembers(segment))
    // What two octets hide is put together again segment by segment: with one there is one way to.
    const path = [...inner, ...(one.as4 ? outer : outer.slice(0, 1))]
    const mark = this.isMarked ? [0x10000 + one.index] : []
    const marked = [...communities, ...mark]
    return {
      ...rest,
      asPath: one.kind === "member" ? [{ type: 3, members: [MEMBER_AS] }, ...path] : path,
      ...(marked.length === 0 ? {} : { communities: marked })
    }
  }

  private update(
    one: Neighbour,
    attributes: Attributes,
    nextHop: number,
    announced: ReadonlyArray<Name>,
    withdrawn: ReadonlyArray<Name>
  ): Uint8Array {
    const nlri = (names: ReadonlyArray<Name>, family: 0 | 1): ReadonlyArray<Nlri> =>
      names
        .filter((name) => name.family === family)
        .map(({ prefix, id }) => ({
          ...(family === 0
            ? ({ family: 4, words: [(0x0a000000 | (prefix << 16)) >>> 0], length: 16 } as const)
            : ({ family: 6, words: [0x20010db8, prefix << 16, 0, 0], length: 48 } as const)),
          ...(one.sendsIds ? { pathId: id } : {})
        }))
    const [reached, unreached] = [nlri(announced, 1), nlri(withdrawn, 1)]
    const plain = nlri(announced, 0)
    const { asPath = [], aggregator } = attributes
    const isWide = asPath.some(({ members }) => members.some((asn) => asn > 0xffff))
    const nextHops = [{ family: 6, words: nextHopWords(1, nextHop) }] as const
    return encodeUpdate(
      {
        withdrawn: nlri(withdrawn, 0),
        attributes: {
          ...(announced.length === 0 ? {} : attributes),
          ...(plain.length === 0 ? {} : { nextHop: { family: 4, words: [nextHop] } }),
          ...(announced.length > 0 && !one.as4 && isWide ? { as4Path: asPath } : {}),
          ...(announced.length > 0 && !one.as4 && (aggregator?.asn ?? 0) > 0xffff
            ? { as4Aggregator: aggregator! }
            : {}),
          ...(reached.length === 0 ? {} : { mpReach: { afi: 2, safi: 1, nextHops, nlri: reached } }),
          ...(unreached.length === 0 ? {} : { mpUnreach: { afi: 2, safi: 1, nlri: unreached } })
        },
        nlri: plain
      },
      { as4: one.as4, addPath: [one.sendsIds, one.sendsIds] }
    )
  }

  private listen(one: Neighbour): void {
    const held = this.held.get(one)!
    for (const message of this.driver.messages(this.conns.get(one)!)) {
      expect(message[18]).not.toBe(MessageType.Notification)
      if (message[18] !== MessageType.Update) continue
      const { announced, withdrawn } = read(message, one)
      const nameOf = ({ family, prefix, id }: Name): string => `${family}/${prefix}/${id}`
      for (const name of withdrawn) {
        const isHeld = held.delete(nameOf(name))
        expect([one.address, "withdrawn", nameOf(name), isHeld]).toEqual([one.address, "withdrawn", nameOf(name), true])
      }
      for (const { text, ...name } of announced) {
        const isNews = held.get(nameOf(name)) !== text || this.toldAgain.has(one)
        expect([one.address, "told", nameOf(name), isNews]).toEqual([one.address, "told", nameOf(name), true])
        held.set(nameOf(name), text)
      }
    }
  }

  private checkPrefix(family: 0 | 1, prefix: number): void {
    const where = family === 0 ? `10.${prefix}.0.0/16` : `2001:db8:${prefix}::/48`.replace("db8:0::", "db8::")
    const paths = [...this.paths.values()].filter((path) => path.family === family && path.prefix === prefix)
    const nameOf = ({ from, id }: Path): string => `${from?.address ?? "local"}/${id}`
    const rows = [...(query(this.driver.state, "routes", { prefix: where }) as Iterable<Record<string, unknown>>)]
    const shown = (which: string): ReadonlyArray<unknown> =>
      rows.filter((row) => row[which] === true).map((row) => `${row["peer"]}/${row["pathId"]}`)
    const best = bestOf(paths, this.world)
    expect([where, rows.length, shown("best")]).toEqual([where, paths.length, best === undefined ? [] : [nameOf(best)]])
    const sharing = sharingOf(paths, this.world)
    expect([where, shown("multipath").toSorted()]).toEqual([where, sharing.map(([path]) => nameOf(path)).toSorted()])
    this.checkWeights(rows, new Map(sharing.map(([path, bandwidth]) => [nameOf(path), bandwidth])))
    for (const one of this.conns.keys()) this.checkHeld(one, family, prefix, paths)
  }

  /** Weights are whole numbers, so that small shares are not exact. */
  private checkWeights(rows: ReadonlyArray<Record<string, unknown>>, bandwidths: ReadonlyMap<string, number>): void {
    const most = Math.max(...bandwidths.values())
    const shares = rows
      .map((row) => ({
        weight: Number(row["weight"]),
        bandwidth: bandwidths.get(`${row["peer"]}/${row["pathId"]}`) ?? 0
      }))
      .filter(({ bandwidth }) => bandwidth > 0 && bandwidth > most / 20)
    for (const one of shares) {
      for (const other of shares) {
        expect((one.weight * other.bandwidth) / (other.weight * one.bandwidth)).toBeCloseTo(1, 1)
      }
    }
  }

  private checkHeld(one: Neighbour, family: 0 | 1, prefix: number, paths: ReadonlyArray<Path>): void {
    const expected = one.families.includes(family) ? toldTo(one, paths, this.world) : []
    const held = [...this.held.get(one)!].filter(([name]) => name.startsWith(`${family}/${prefix}/`))
    const texts = expected.map((path) => textFor(one, path, this.world))
    expect([one.address, one.kind, family, prefix, held.map(([, text]) => text).toSorted()]).toEqual([
      ...[one.address, one.kind, family, prefix, texts.toSorted()]
    ])
    if (one.paths === 0 || new Set(texts).size < texts.length) return
    expected.forEach((path, at) => {
      const [name = ""] = held.find(([, text]) => text === texts[at]) ?? []
      const key = `${one.index}|${path.from?.index ?? "ours"}/${family}/${prefix}/${path.id}`
      expect([key, this.identifiers.get(key) ?? name]).toEqual([key, name])
      this.identifiers.set(key, name)
    })
  }

  private dropPath(key: string): void {
    this.paths.delete(key)
    // A path that comes again is another one.
    for (const each of this.identifiers.keys()) if (each.endsWith(`|${key}`)) this.identifiers.delete(each)
  }

  private forget(one: Neighbour, which: (path: Path) => boolean): void {
    for (const [key, path] of this.paths) if (path.from === one && which(path)) this.dropPath(key)
  }

  private lose(one: Neighbour, stays: boolean): void {
    this.conns.delete(one)
    this.held.delete(one)
    for (const key of this.identifiers.keys()) if (key.startsWith(`${one.index}|`)) this.identifiers.delete(key)
    this.telling.delete(one)
    this.forget(one, ({ stale }) => stale || !stays)
    this.mark(one, { stale: true, isOld: false })
  }

  private mark(one: Neighbour, marks: Partial<Path>): void {
    for (const [key, path] of this.paths) if (path.from === one) this.paths.set(key, { ...path, ...marks })
  }

  private finishCloses(): void {
    const closed = new Set(this.driver.closed)
    this.driver.finishCloses()
    for (const [one, conn] of [...this.conns]) if (closed.has(conn)) this.lose(one, false)
  }
}
