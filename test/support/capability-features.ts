// The rows of docs/INTEROP.md: each a feature, the RFC that it is from, who does what, and the check that decides. Checks run in this order in
// one laboratory; those that end a session or a daemon come last and leave everything up again.
import { expect } from "vitest"
import type { CapabilityLab, PeerRow } from "./capability-lab.ts"
import {
  theyNotify,
  theyResetHard,
  theyRestart,
  theyStayAway,
  weResetHard,
  weRestart,
  weStayAway
} from "./capability-restart-checks.ts"
import {
  bigFromThem,
  bigFromUs,
  largeAsFromThem,
  largeAsFromUs,
  markedByThem,
  markedByUs,
  marksFromThem,
  marksFromUs
} from "./capability-route-checks.ts"
import { type LabSession, OUR_ROUTES, THEIR_ROUTES } from "./capability-sessions.ts"
import { eventually } from "./interop-lab.ts"

export interface Feature {
  readonly id: string
  readonly title: string
  readonly rfc: string
  /** Which part is ours. */
  readonly side: string
  readonly check: (lab: CapabilityLab) => Promise<string | undefined>
}

export type FeatureId = (typeof FEATURES)[number]["id"]

const done = undefined

/** A session that is up, and routes both ways. */
const carries = async (lab: CapabilityLab, session: LabSession): Promise<PeerRow> => {
  const row = await lab.up(session)
  expect(row.negotiated?.families).toEqual(session.families)
  for (const family of session.families) {
    await lab.weHave(session, family, THEIR_ROUTES[family])
    await lab.theyHave(session, family, OUR_ROUTES[family])
  }
  return row
}

const everyWay = <const Name extends string>(name: Name, title: string, rfc: string, also: (row: PeerRow) => void) =>
  ([4, 6] as const).flatMap((transport) =>
    (["active", "passive"] as const).map((side) => ({
      id: `${name}-ipv${transport}-${side}` as const,
      title: `${title} IPv${transport}`,
      rfc,
      side: side === "active" ? "we connect" : "they connect",
      check: async (lab: CapabilityLab) => {
        also(await carries(lab, lab.session(`${name}-ipv${transport}-${side}`)))
        return done
      }
    }))
  )

/** Both have said it, in the plain session. */
const agreed =
  (says: (negotiated: NonNullable<PeerRow["negotiated"]>) => boolean) =>
  async (lab: CapabilityLab): Promise<undefined> => {
    const { negotiated } = await lab.up(lab.session("session-ipv4-active"))
    expect(negotiated !== null && says(negotiated)).toBe(true)
  }

const askThem =
  (...names: ReadonlyArray<string>) =>
  async (lab: CapabilityLab): Promise<undefined> => {
    for (const name of names) {
      const session = lab.session(name)
      const before = await lab.up(session)
      await lab.order(session, "refresh")
      await eventually("them to send again", async () => (await lab.row(session)).messages.in > before.messages.in)
      await eventually("nothing to be stale", async () => (await lab.row(session)).prefixes.stale === 0)
      const [family] = session.families
      await lab.weHave(session, family, THEIR_ROUTES[family])
      // A new session would bring everything again as well.
      expect((await lab.row(session)).since).toBe(before.since)
    }
  }

/** Sessions with nothing to them. */
const PLAIN = ["session-ipv4-active", "session-ipv6-passive"]

const answerThem = async (lab: CapabilityLab): Promise<undefined> => {
  for (const name of ["session-ipv4-active", "session-ipv6-passive"]) {
    const session = lab.session(name)
    const before = await lab.up(session)
    await lab.peer.askRefresh(session)
    await eventually("us to send again", async () => {
      const { messages } = await lab.row(session)
      return messages.in > before.messages.in && messages.out > before.messages.out
    })
    const [family] = session.families
    await lab.theyHave(session, family, OUR_ROUTES[family])
  }
}

const twoOctetAs = async (lab: CapabilityLab): Promise<undefined> => {
  const row = await carries(lab, lab.session("two-octet-as"))
  expect(row.negotiated?.as4).toBe(false)
}

const severalPaths = async (lab: CapabilityLab): Promise<string> => {
  const session = lab.session("add-path")
  const row = await lab.up(session)
  expect(row.negotiated?.addPath.receive).toEqual(["ipv4-unicast"])
  return eventually("several paths for one prefix", async () => {
    const counts = new Map<string, number>()
    for (const { prefix } of await lab.routes(session)) counts.set(prefix, (counts.get(prefix) ?? 0) + 1)
    const most = Math.max(0, ...counts.values())
    return most > 1 && `${most} paths for a prefix`
  })
}

const extendedNextHop = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("extended-next-hop")
  const row = await carries(lab, session)
  expect(row.negotiated?.extendedNextHop).toBe(true)
  const routes = await lab.weHave(session, "ipv4-unicast", THEIR_ROUTES["ipv4-unicast"])
  expect(routes.every(({ nextHop }) => nextHop === session.theirs)).toBe(true)
}

const holdTimeZero = async (lab: CapabilityLab): Promise<undefined> => {
  const row = await carries(lab, lab.session("hold-time-0"))
  expect(row.negotiated?.holdTime).toBe(0)
}

const roles = async (lab: CapabilityLab): Promise<undefined> => {
  const row = await carries(lab, lab.session("role"))
  expect(row.negotiated?.role).toMatchObject({ own: "customer", remote: "provider" })
}

const wrongRoles = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("role-mismatch")
  await eventually("a role mismatch to be named", async () => {
    const row = await lab.row(session)
    expect(row.state).not.toBe("Established")
    return /role/i.test(JSON.stringify(row.lastError))
  })
}

const bothFamilies = async (lab: CapabilityLab): Promise<undefined> => {
  await carries(lab, lab.session("both-families"))
}

const overLink =
  (side: "active" | "passive") =>
  async (lab: CapabilityLab): Promise<undefined> => {
    await carries(lab, lab.session(`link-local-${side}`))
  }

const fromRange =
  (transport: 4 | 6) =>
  async (lab: CapabilityLab): Promise<undefined> => {
    expect((await carries(lab, lab.session(`dynamic-ipv${transport}`))).dynamic).toBe(true)
  }

const fqdn = async (lab: CapabilityLab): Promise<string> => {
  const { hostname } = await lab.up(lab.session("session-ipv4-active"))
  expect(hostname).toBeTruthy()
  return `they are ${hostname}`
}

const FAREWELL = "maintenance until noon"

const tellThem = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("session-ipv4-passive")
  await lab.up(session)
  await lab.order(session, "disable", { message: FAREWELL })
  await eventually("them to have read it", async () => (await lab.peer.diary()).includes(FAREWELL))
  await lab.order(session, "enable")
  await lab.up(session)
}

const hearThem = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("session-ipv4-active")
  await lab.up(session)
  const text = await lab.peer.shut(session, "back in an hour")
  await eventually("us to say it", async () => String((await lab.row(session)).lastError).includes(text))
  await lab.peer.reopen(session)
  await lab.up(session)
}

const nothing = (): void => undefined

export const FEATURES = [
  ...everyWay("session", "Session and routes both ways,", "4271, 4760", nothing),
  ...everyWay("md5", "TCP MD5,", "2385", (row) => expect(row.md5).toBe(true)),
  ...everyWay("gtsm", "GTSM (TTL security),", "5082", (row) => expect(row.ttlSecurity).toBe(true)),
  { id: "as4", title: "Four-octet AS numbers", rfc: "6793", side: "both", check: agreed(({ as4 }) => as4) },
  { id: "two-octet-as", title: "A peer without four-octet AS numbers", rfc: "6793", side: "both", check: twoOctetAs },
  { id: "as4-path-heard", title: "AS4_PATH", rfc: "6793", side: "they send", check: largeAsFromThem("two-octet-as") },
  { id: "as4-path-said", title: "AS4_PATH", rfc: "6793", side: "we send", check: largeAsFromUs("two-octet-as") },
  {
    id: "two-octets-of-ours",
    title: "AS4_PATH, we offer two octets",
    rfc: "6793",
    side: "they send",
    check: largeAsFromThem("two-octets-of-ours")
  },
  {
    id: "two-octets-said",
    title: "AS4_PATH, we offer two octets",
    rfc: "6793",
    side: "we send",
    check: largeAsFromUs("two-octets-of-ours")
  },
  {
    id: "refresh-capability",
    title: "Route refresh capability",
    rfc: "2918",
    side: "both",
    check: agreed(({ routeRefresh }) => routeRefresh)
  },
  { id: "refresh-asked", title: "Route refresh", rfc: "2918", side: "we ask", check: askThem(...PLAIN) },
  {
    id: "plain-refresh",
    title: "Route refresh without marks",
    rfc: "2918",
    side: "we ask",
    check: askThem("plain-refresh")
  },
  { id: "refresh-answered", title: "Route refresh", rfc: "2918", side: "they ask", check: answerThem },
  {
    id: "enhanced-refresh",
    title: "Enhanced route refresh",
    rfc: "7313",
    side: "both",
    check: agreed(({ enhancedRouteRefresh }) => enhancedRouteRefresh)
  },
  {
    id: "refresh-marks-heard",
    title: "A table between two marks",
    rfc: "7313",
    side: "they send",
    check: marksFromThem
  },
  { id: "refresh-marks-said", title: "A table between two marks", rfc: "7313", side: "we send", check: marksFromUs },
  {
    id: "extended-message",
    title: "Extended messages",
    rfc: "8654",
    side: "both",
    check: agreed(({ extendedMessage }) => extendedMessage)
  },
  { id: "big-heard", title: "An UPDATE of more than 4096 octets", rfc: "8654", side: "they send", check: bigFromThem },
  { id: "big-said", title: "An UPDATE of more than 4096 octets", rfc: "8654", side: "we send", check: bigFromUs },
  { id: "add-path", title: "ADD-PATH", rfc: "7911", side: "they send", check: severalPaths },
  {
    id: "extended-next-hop",
    title: "IPv4 routes with IPv6 next hops",
    rfc: "8950",
    side: "both",
    check: extendedNextHop
  },
  { id: "both-families", title: "Both families over IPv4", rfc: "4760", side: "both", check: bothFamilies },
  {
    id: "link-local-active",
    title: "Link-local peers",
    rfc: "2545",
    side: "we connect",
    check: overLink("active")
  },
  {
    id: "link-local-passive",
    title: "Link-local peers",
    rfc: "2545",
    side: "they connect",
    check: overLink("passive")
  },
  { id: "dynamic-ipv4", title: "A range of peers, IPv4", rfc: "4271", side: "they connect", check: fromRange(4) },
  { id: "dynamic-ipv6", title: "A range of peers, IPv6", rfc: "4271", side: "they connect", check: fromRange(6) },
  { id: "hold-time-0", title: "Hold time 0", rfc: "4271 §4.2", side: "both", check: holdTimeZero },
  { id: "fqdn", title: "Host name (FQDN)", rfc: "draft-walton", side: "they say", check: fqdn },
  { id: "role", title: "Roles", rfc: "9234", side: "both", check: roles },
  { id: "role-mismatch", title: "Roles that do not fit: 2/11", rfc: "9234", side: "both", check: wrongRoles },
  { id: "otc-heard", title: "ONLY_TO_CUSTOMER on routes", rfc: "9234", side: "they send", check: markedByThem },
  { id: "otc-said", title: "ONLY_TO_CUSTOMER on routes", rfc: "9234", side: "we send", check: markedByUs },
  { id: "shutdown-sent", title: "Shutdown communication", rfc: "9003", side: "we say", check: tellThem },
  { id: "shutdown-heard", title: "Shutdown communication", rfc: "9003", side: "they say", check: hearThem },
  {
    id: "notification-kept",
    title: "Routes outlive a NOTIFICATION",
    rfc: "8538",
    side: "they say",
    check: theyNotify
  },
  { id: "hard-reset-heard", title: "Hard Reset", rfc: "8538", side: "they say", check: theyResetHard },
  { id: "hard-reset-said", title: "Hard Reset", rfc: "8538", side: "we say", check: weResetHard },
  { id: "restart-helper", title: "Graceful restart", rfc: "4724", side: "they restart", check: theyRestart },
  { id: "long-lived", title: "Long-lived graceful restart", rfc: "9494", side: "they restart", check: theyStayAway },
  { id: "long-lived-own", title: "Long-lived graceful restart", rfc: "9494", side: "we restart", check: weStayAway },
  { id: "restart-own", title: "Graceful restart", rfc: "4724", side: "we restart", check: weRestart }
] as const satisfies ReadonlyArray<Feature>
