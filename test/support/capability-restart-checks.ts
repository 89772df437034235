// Checks that end a session or a daemon, and what becomes of the routes meanwhile. Each leaves everything up again.
import { expect } from "vitest"
import type { CapabilityLab } from "./capability-lab.ts"
import { type FamilyName, OUR_ROUTES, THEIR_ROUTES } from "./capability-sessions.ts"
import { eventually } from "./interop-lab.ts"

const V4: FamilyName = "ipv4-unicast"

const LLGR_STALE = ["llgr-stale", "65535:6"]

/** They crash and come back with a route less: what we kept stays, what they no longer have goes. */
export const theyRestart = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("graceful-restart")
  const routes = THEIR_ROUTES[V4]
  const { negotiated } = await lab.up(session)
  await lab.weHave(session, V4, routes)
  expect(negotiated?.gracefulRestart?.families).toContain(V4)
  await lab.peer.crash()
  await eventually("their routes to be stale", async () => (await lab.row(session)).prefixes.stale >= routes.length)
  expect((await lab.row(session)).state).not.toBe("Established")
  await lab.weHave(session, V4, routes)
  lab.peer.forget([routes[2]])
  await lab.peer.start()
  await lab.up(session)
  await lab.weHave(session, V4, routes.slice(0, 2))
  await eventually("nothing to be stale", async () => (await lab.row(session)).prefixes.stale === 0)
}

/** They crash for longer than their restart time: their routes become a last resort, and are swept when they are back. */
export const theyStayAway = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("long-lived")
  const { negotiated } = await lab.up(session)
  expect(negotiated?.longLived?.map(({ family }) => family)).toContain(V4)
  const theirs = async () => (await lab.routes(session)).filter(({ prefix }) => THEIR_ROUTES[V4].includes(prefix))
  const routes = await eventually("their routes", async () => {
    const found = await theirs()
    return found.length >= 2 && found
  })
  await lab.peer.crash()
  await eventually("their routes to be a last resort", async () => {
    const kept = await theirs()
    const isLast = ({ communities }: (typeof kept)[number]) => LLGR_STALE.some((name) => communities.includes(name))
    if (kept.length !== routes.length) throw new Error(`${kept.length} of ${routes.length} are left`)
    return kept.every(isLast)
  })
  await lab.peer.start()
  await lab.up(session)
  await eventually("nothing to be stale", async () => (await lab.row(session)).prefixes.stale === 0)
  const back = await theirs()
  expect(back.some(({ communities }) => LLGR_STALE.some((name) => communities.includes(name)))).toBe(false)
}

/** We crash and come back with a route less: they keep the rest throughout. */
export const weRestart = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("graceful-restart")
  const routes = OUR_ROUTES[V4]
  await lab.up(session)
  await lab.theyHave(session, V4, routes)
  await lab.crashBackwalk([routes[2]])
  await eventually("them to lose the session", async () => !(await lab.peer.isEstablished(session)))
  await lab.theyHave(session, V4, routes)
  lab.startBackwalk()
  await lab.up(session)
  await lab.theyHave(session, V4, routes.slice(0, 2))
}

/** As long as they wait for us they keep our routes as before, and after that as a last resort. */
export const weStayAway = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("long-lived")
  const [route] = OUR_ROUTES[V4]
  const isLast = async (): Promise<boolean> =>
    /llgr.?stale|65535[:,] ?6\b|\b4294901766\b/i.test(await lab.peer.attributes(session, route))
  await lab.up(session)
  await lab.theyHave(session, V4, OUR_ROUTES[V4])
  expect(await isLast()).toBe(false)
  await lab.crashBackwalk([])
  await eventually("our routes to be their last resort", isLast)
  await lab.theyHave(session, V4, OUR_ROUTES[V4])
  lab.startBackwalk()
  await lab.up(session)
  await eventually("our routes to be as before", async () => !(await isLast()))
  await lab.theyHave(session, V4, OUR_ROUTES[V4])
}

/** A NOTIFICATION that is no Hard Reset: what they told us stays until they are back. */
export const theyNotify = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("notified")
  const routes = THEIR_ROUTES[V4]
  const { negotiated } = await lab.up(session)
  expect(negotiated?.gracefulRestart?.notification).toBe(true)
  await lab.weHave(session, V4, routes)
  await lab.peer.reset(session, false)
  await eventually("their routes to be stale", async () => (await lab.row(session)).prefixes.stale >= routes.length)
  await lab.up(session)
  await lab.weHave(session, V4, routes)
  await eventually("nothing to be stale", async () => (await lab.row(session)).prefixes.stale === 0)
}

export const theyResetHard = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("notified")
  await lab.up(session)
  await lab.weHave(session, V4, THEIR_ROUTES[V4])
  await lab.peer.reset(session, true)
  await eventually("their routes to be gone", async () => {
    const { state, prefixes, lastError } = await lab.row(session)
    return state !== "Established" && prefixes.received === 0 && /hard reset/i.test(String(lastError))
  })
  await lab.up(session)
  await lab.weHave(session, V4, THEIR_ROUTES[V4])
}

export const weResetHard = async (lab: CapabilityLab): Promise<undefined> => {
  const session = lab.session("notified")
  await lab.up(session)
  await lab.order(session, "reset")
  await eventually("them to have read it", async () => /hard.?reset|6\/9\b/i.test(await lab.peer.diary()))
  await lab.up(session)
  await lab.theyHave(session, V4, OUR_ROUTES[V4])
}
