// What every daemon and Backwalk must manage together, in the order of a session's life. One laboratory for all of it: each scenario
// begins with the session up and leaves it up.
import { afterAll, beforeAll, expect, it } from "vitest"
import { type BackwalkOptions, BackwalkUnderTest } from "./interop-backwalk.ts"
import { eventually, InteropLab, LINK, THEIR_ADDRESS, THEIR_AS } from "./interop-lab.ts"
import { requirement } from "./requirements.ts"
import type { RouterDaemon, RouterDriver } from "./router-daemons.ts"

const ROUTES = 1000
/** Long enough for a busy machine, short enough to wait for. */
const HOLD_TIME_S = 6

/** `count` prefixes of length 24 from the block that begins with the octet. */
const prefixes = (octet: number, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `${octet}.${index >> 8}.${index & 255}.0/24`)

const THEIRS = prefixes(100, ROUTES)
const OURS = prefixes(101, ROUTES)

class Meeting {
  readonly lab: InteropLab
  readonly backwalk: BackwalkUnderTest
  readonly router: RouterDaemon

  constructor(driver: RouterDriver, whoWaits: "ours" | "theirs", options: Partial<BackwalkOptions> = {}) {
    this.lab = new InteropLab(driver.name)
    const passive = whoWaits === "theirs"
    this.router = driver.create(this.lab, { passive, holdTimeS: HOLD_TIME_S, announced: THEIRS })
    this.backwalk = new BackwalkUnderTest(this.lab, {
      passive: !passive,
      holdTimeS: HOLD_TIME_S,
      originate: OURS,
      ...options
    })
  }

  async up(): Promise<void> {
    await eventually("a session that is up on both sides", async () => {
      const { state } = await this.backwalk.peer()
      if (state === "Established" && (await this.router.isEstablished())) return true
      await this.router.hurry()
      throw new Error(`Backwalk is in ${state}`)
    })
  }

  /** Until Backwalk has chosen exactly these of the other side's routes. */
  async weHave(expected: ReadonlyArray<string>): Promise<void> {
    const wanted = [...expected].sort()
    await eventually(`Backwalk to have their ${expected.length} routes`, async () => {
      const routes = (await this.backwalk.routes()).map((route) => route.prefix).sort()
      if (routes.length !== wanted.length) throw new Error(`it has ${routes.length}`)
      return routes.every((prefix, index) => prefix === wanted[index])
    })
  }

  async theyHave(expected: ReadonlyArray<string>): Promise<void> {
    await eventually(`them to have our ${expected.length} routes`, async () => {
      const received = await this.router.received()
      if (received.size !== expected.length) throw new Error(`they have ${received.size}`)
      return expected.every((prefix) => received.has(prefix))
    })
  }

  /** Until the kernel of Backwalk's namespace has exactly these as routes of ours. */
  async kernelHas(expected: ReadonlyArray<string>): Promise<ReadonlyArray<KernelRoute>> {
    const wanted = new Set(expected)
    return eventually(`the kernel to have ${expected.length} routes`, async () => {
      const routes = await this.kernelRoutes()
      if (routes.length !== wanted.size) throw new Error(`it has ${routes.length}`)
      return routes.every((route) => wanted.has(route.dst)) && routes
    })
  }

  /** Until Backwalk has said something as a consequence. */
  async says(what: RegExp, cause: () => Promise<void>): Promise<void> {
    const before = this.backwalk.said().length
    await cause()
    await eventually(`Backwalk to say ${what}`, () => what.test(this.backwalk.said().slice(before)))
  }

  private async kernelRoutes(): Promise<ReadonlyArray<KernelRoute>> {
    const { stdout } = await this.lab.ip("ours", "-j", "route", "show", "proto", "bgp")
    return JSON.parse(stdout.trim() === "" ? "[]" : stdout) as ReadonlyArray<KernelRoute>
  }
}

interface KernelRoute {
  readonly dst: string
  readonly nhid?: number
}

/** Session, routes, withdrawals, faults and restarts with one daemon; `kernel`: also what reaches the kernel. */
export const interopScenarios = (driver: RouterDriver, options: { readonly kernel: boolean }): void => {
  const needed = requirement(driver.name, "root", "ip")
  needed.describe(`${driver.name}, which waits for Backwalk to connect`, () => {
    let meeting: Meeting
    beforeAll(async () => {
      meeting = new Meeting(driver, "theirs")
      await meeting.router.start()
    })
    afterAll(() => meeting?.lab.close())
    const scenario = (title: string, body: () => Promise<void>) =>
      it(title, () => explained(meeting, body), SCENARIO_MS)

    routeScenarios(scenario, () => meeting)
    if (options.kernel) kernelScenarios(scenario, () => meeting)
    faultScenarios(scenario, () => meeting, options.kernel)
    scenario("ends with a Cease and a log that replays to equal digests", () => endAndReplay(meeting, options.kernel))
  })

  needed.describe(`${driver.name}, which connects to Backwalk`, () => {
    it(
      "has a session and all routes both ways [RFC 4271 §8]",
      async () => {
        const meeting = new Meeting(driver, "ours")
        try {
          await explained(meeting, async () => {
            await meeting.router.start()
            await meeting.up()
            await meeting.weHave(THEIRS)
            await meeting.theyHave(OURS)
          })
        } finally {
          await meeting.lab.close()
        }
      },
      SCENARIO_MS
    )
  })
}

const SCENARIO_MS = 180_000

type Scenario = (title: string, body: () => Promise<void>) => void

/** A failure says what the daemons said. */
const explained = async (meeting: Meeting, body: () => Promise<void>): Promise<void> => {
  try {
    await body()
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : String(cause)}\n${meeting.lab.said()}`, { cause })
  }
}

const routeScenarios = (scenario: Scenario, meeting: () => Meeting): void => {
  scenario("has a session [RFC 4271 §8]", () => meeting().up())

  scenario("exchanges 1,000 routes each way", async () => {
    await meeting().weHave(THEIRS)
    await meeting().theyHave(OURS)
    const [route] = await meeting().backwalk.routes()
    expect(route).toMatchObject({ peer: THEIR_ADDRESS, nextHop: THEIR_ADDRESS, asPath: String(THEIR_AS) })
  })

  scenario("takes withdrawals and announces again [RFC 4271 §4.3]", async () => {
    const { router } = meeting()
    await router.withdraw(THEIRS.slice(0, 10))
    await meeting().weHave(THEIRS.slice(10))
    await router.announce(THEIRS.slice(0, 10))
    await meeting().weHave(THEIRS)
  })

  scenario("is told of withdrawals when the configuration is read again", async () => {
    const { backwalk } = meeting()
    backwalk.reload({ originate: OURS.slice(500) })
    await meeting().theyHave(OURS.slice(500))
    backwalk.reload({ originate: OURS })
    await meeting().theyHave(OURS)
    expect((await backwalk.peer()).state).toBe("Established")
  })
}

const kernelScenarios = (scenario: Scenario, meeting: () => Meeting): void => {
  scenario("has its routes in the kernel, through a nexthop group", async () => {
    const routes = await meeting().kernelHas(THEIRS)
    expect(new Set(routes.map((route) => route.nhid)).size).toBe(1)
    const { stdout } = await meeting().lab.ip("ours", "-j", "nexthop", "show", "id", String(routes[0].nhid))
    const [group] = JSON.parse(stdout) as ReadonlyArray<{ readonly group?: ReadonlyArray<{ readonly id: number }> }>
    expect(group.group).toHaveLength(1)
    const member = await meeting().lab.ip("ours", "-j", "nexthop", "show", "id", String(group.group![0].id))
    expect(JSON.parse(member.stdout)).toMatchObject([{ gateway: THEIR_ADDRESS, dev: LINK }])
  })

  scenario("has what it withdraws removed from the kernel", async () => {
    const { router } = meeting()
    await router.withdraw(THEIRS.slice(0, 10))
    await meeting().kernelHas(THEIRS.slice(10))
    await router.announce(THEIRS.slice(0, 10))
    await meeting().kernelHas(THEIRS)
  })

  scenario("has its routes removed when the link goes, and back when it returns", async () => {
    const { lab } = meeting()
    await lab.ip("ours", "link", "set", LINK, "down")
    await meeting().kernelHas([])
    await lab.ip("ours", "link", "set", LINK, "up")
    await meeting().up()
    await meeting().kernelHas(THEIRS)
  })
}

const faultScenarios = (scenario: Scenario, meeting: () => Meeting, kernel: boolean): void => {
  const gone = async (): Promise<void> => {
    await meeting().weHave([])
    if (kernel) await meeting().kernelHas([])
  }
  const back = async (): Promise<void> => {
    await meeting().up()
    await meeting().weHave(THEIRS)
    await meeting().theyHave(OURS)
    if (kernel) await meeting().kernelHas(THEIRS)
  }

  scenario("ends the session with a NOTIFICATION, and its routes go [RFC 4486]", async () => {
    const { router } = meeting()
    await meeting().says(/is down: .*cease/i, () => router.shutSession())
    await gone()
    await router.openSession()
    await back()
  })

  scenario("is told that the session ends with a NOTIFICATION [RFC 4486]", async () => {
    const { router, backwalk } = meeting()
    await backwalk.order("disable")
    await eventually("them to lose the session", async () => !(await router.isEstablished()))
    await eventually("them to drop our routes", async () => (await router.received()).size === 0)
    await gone()
    await backwalk.order("enable")
    await back()
  })

  scenario("is dropped after its hold time when it says nothing [RFC 4271 §6.5]", async () => {
    const { router } = meeting()
    try {
      await meeting().says(/is down: .*hold timer expired/i, async () => router.freeze())
      await gone()
    } finally {
      await router.thaw()
    }
    await back()
  })

  scenario("crashes, and has everything again when it is back", async () => {
    const { router } = meeting()
    await router.crash()
    await gone()
    await router.start()
    await back()
  })
}

const endAndReplay = async (meeting: Meeting, kernel: boolean): Promise<void> => {
  const { backwalk, router } = meeting
  expect(await backwalk.end()).toBe(0)
  await eventually("them to lose the session", async () => !(await router.isEstablished()))
  if (kernel) await meeting.kernelHas([])
  expect(backwalk.said()).not.toMatch(/not returned|defect/)
  const { ran, result } = await backwalk.replay()
  expect(ran.code).toBe(0)
  expect(result.checkpoints).toBeGreaterThan(0)
  expect(result.divergence).toBeUndefined()
}
