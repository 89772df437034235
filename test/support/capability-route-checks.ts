// Checks on what routes carry, beyond being there: large ones, AS numbers of four octets on a path of two, ONLY_TO_CUSTOMER, and what lies
// between the marks of a table told again.
import { expect } from "vitest"
import type { CapabilityLab } from "./capability-lab.ts"
import {
  FROM_PROVIDER,
  OF_LARGE_AS,
  OUR_BIG_ROUTE,
  OUR_ROUTES,
  THEIR_BIG_ROUTE,
  THEIR_ROUTES
} from "./capability-sessions.ts"
import { eventually, OUR_AS, THEIR_AS } from "./interop-lab.ts"

const V4 = "ipv4-unicast"

/** Attributes of more than 4096 bytes leave no other way than a message that is longer. */
export const bigFromThem = async (lab: CapabilityLab): Promise<string> => {
  const session = lab.session("big-messages")
  const { negotiated } = await lab.up(session)
  expect(negotiated?.extendedMessage).toBe(true)
  return eventually("their route with 400 large communities", async () => {
    const found = (await lab.routes(session)).find(({ prefix }) => prefix === THEIR_BIG_ROUTE)
    return found?.largeCommunities.length === 400 && "400 large communities are 4800 bytes"
  })
}

export const bigFromUs = async (lab: CapabilityLab): Promise<string> => {
  const session = lab.session("big-messages")
  await lab.up(session)
  const communities = Array.from({ length: 1200 }, (_, index) => `65000:${index + 1}`)
  await lab.change({ announce: [{ prefix: OUR_BIG_ROUTE, communities }] })
  await eventually("them to have 1200 communities of ours", async () => {
    const view = await lab.peer.attributes(session, OUR_BIG_ROUTE)
    return new Set([...view.matchAll(/\b65000[:,]\s*(\d+)/g)].map(([, low]) => low)).size === communities.length
  })
  await lab.change({ withdraw: [OUR_BIG_ROUTE] })
  return "1200 communities are 4800 bytes"
}

type TwoOctets = "two-octet-as" | "two-octets-of-ours"

/** What stands behind them in their path came in AS4_PATH: in two octets it is AS_TRANS. */
export const largeAsFromThem =
  (name: TwoOctets) =>
  async (lab: CapabilityLab): Promise<undefined> => {
    const session = lab.session(name)
    expect((await lab.up(session)).negotiated?.as4).toBe(false)
    await eventually("a path with an AS number of four octets", async () => {
      const found = (await lab.routes(session)).find(({ prefix }) => prefix === session.their.only?.prefix)
      return found?.asPath === `${THEIR_AS} 4200000002`
    })
  }

/** From a session of four-octet AS numbers to one without. */
export const largeAsFromUs =
  (name: TwoOctets) =>
  async (lab: CapabilityLab): Promise<undefined> => {
    await lab.up(lab.session("four-octet-as"))
    const session = lab.session(name)
    expect((await lab.up(session)).negotiated?.as4).toBe(false)
    expect(await lab.theirView(session, OF_LARGE_AS)).toMatch(new RegExp(`\\b${OUR_AS}\\D+4200000001\\b`))
  }

/** ONLY_TO_CUSTOMER, optional and transitive, as a provider of theirs writes it (RFC 9234 §5). */
const THEIR_MARK = `c02304${THEIR_AS.toString(16).padStart(8, "0")}`

/** What came from a provider goes to customers, and to nobody else. */
export const markedByThem = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("role")
  const [toCustomer, toPeer] = [lab.session("role-provider"), lab.session("role-peer")]
  for (const each of [session, toCustomer, toPeer]) await lab.up(each)
  await eventually("a route with ONLY_TO_CUSTOMER", async () => {
    const found = (await lab.routes(session)).find(({ prefix }) => prefix === FROM_PROVIDER)
    return found?.unknown?.some(({ type, value }) => type === 35 && Number.parseInt(value, 16) === THEIR_AS)
  })
  // Where it had been missing we would have put it there ourselves.
  await eventually("it to stand in what they sent", async () => (await lab.heard(session)).includes(THEIR_MARK))
  const prefixes = async (to: typeof session) => (await lab.told(to)).map(({ prefix }) => prefix)
  await eventually("customers to be told", async () => (await prefixes(toCustomer)).includes(FROM_PROVIDER))
  const others = await prefixes(toPeer)
  expect(others).toContain(OUR_ROUTES[V4][0])
  expect(others).not.toContain(FROM_PROVIDER)
}

export const markedByUs = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("role-provider")
  await lab.up(session)
  expect(await lab.theirView(session, OUR_ROUTES[V4][0])).toMatch(new RegExp(`otc\\W+${OUR_AS}\\b`, "i"))
}

/** ROUTE-REFRESH for IPv4 with a subtype, from its length on (RFC 7313 §3.2). */
const mark = (subtype: 1 | 2): string => `0017050001${subtype.toString().padStart(2, "0")}01`

export const marksFromThem = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("session-ipv4-active")
  await lab.up(session)
  const before = (await lab.heard(session)).length
  await lab.order(session, "refresh")
  await eventually("their table between its two marks", async () => {
    const heard = (await lab.heard(session)).slice(before)
    const begin = heard.indexOf(mark(1))
    return begin >= 0 && heard.indexOf(mark(2), begin) > begin
  })
  await lab.weHave(session, V4, THEIR_ROUTES[V4])
  expect((await lab.row(session)).prefixes.stale).toBe(0)
}

export const marksFromUs = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("session-ipv4-active")
  await lab.up(session)
  await lab.peer.askRefresh(session)
  await eventually("them to have read both marks", () => lab.peer.heardMarks(session))
  await lab.theyHave(session, V4, OUR_ROUTES[V4])
}
