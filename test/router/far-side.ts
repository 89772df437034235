// The far side of a session with whatever capabilities a test wants, and what the router says of its routes, shortly.
import type { ConnId } from "../../src/eventlog/index.ts"
import { query } from "../../src/router/index.ts"
import {
  type Attributes,
  type Capability,
  encodeOpen,
  encodeUpdate,
  keepalive,
  parseAddress,
  parsePrefix
} from "../../src/wire/index.ts"
import type { Driver } from "./driver.ts"

/** An Established session with a peer that announces IPv4 unicast and these; what was sent for that is forgotten. */
export const establishWith = (
  driver: Driver,
  address: string,
  asn: number,
  capabilities: ReadonlyArray<Capability> = [],
  local?: string,
  id = "10.0.0.99"
): ConnId => {
  const conn = driver.accept(address, local)
  const open = encodeOpen({
    version: 4,
    asn: asn > 0xffff ? 23456 : asn,
    holdTime: 90,
    id: parseAddress(id)!.words[0],
    capabilities: [
      { _tag: "Multiprotocol", afi: 1, safi: 1 },
      { _tag: "RouteRefresh" },
      { _tag: "FourOctetAs", asn },
      ...capabilities
    ]
  })
  driver.hear(conn, open, keepalive())
  driver.settle()
  driver.messages(conn)
  return conn
}

const PLAIN = { as4: true, addPath: [false, false] } as const

/** An UPDATE that announces IPv4 prefixes. */
export const announcement = (
  path: ReadonlyArray<number>,
  prefixes: ReadonlyArray<string>,
  rest: Partial<Attributes> = {}
): Uint8Array =>
  encodeUpdate(
    {
      attributes: {
        origin: 0,
        asPath: path.length === 0 ? [] : [{ type: 2, members: [...path] }],
        nextHop: { family: 4, words: [0x0a000002] },
        ...rest
      },
      nlri: prefixes.map((text) => parsePrefix(text)!)
    },
    PLAIN
  )

type Row = Readonly<Record<string, unknown>>

/** `10.1.0.0/16 best`, `10.2.0.0/16 stale best`, … of one peer, or of what a peer is told. */
export const routesOf = (driver: Driver, peer: string): ReadonlyArray<string> =>
  rowsOf(driver, { peer }).map(({ prefix, reason, stale }) => `${prefix}${stale === true ? " stale" : ""} ${reason}`)

export const rowsOf = (driver: Driver, params: Readonly<Record<string, string>>): ReadonlyArray<Row> => [
  ...(query(driver.state, "routes", params) as Iterable<Row>)
]

export const advertised = (driver: Driver, peer: string): ReadonlyArray<Row> =>
  rowsOf(driver, { peer, advertised: "true" })

export const peerRow = (driver: Driver, address: string): Row =>
  (query(driver.state, "peers") as ReadonlyArray<Row>).find((row) => row["address"] === address) ?? {}
