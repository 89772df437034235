// A daemon that may not change the kernel's routes, or may not listen on BGP's port, does not start: one sentence with what to do, and status 4.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect } from "vitest"
import { requirement } from "../support/requirements.ts"
import { backwalk, NO_BIND_SERVICE, NO_NET_ADMIN } from "./process.ts"

requirement("root").it("a daemon without CAP_NET_ADMIN says so in one sentence and ends with status 4", async () => {
  const directory = mkdtempSync(join(tmpdir(), "backwalk-capability-"))
  const path = join(directory, "router.yaml")
  const socket = join(directory, "control.sock")
  writeFileSync(
    path,
    `router: { asn: 65000, id: 192.0.2.1 }\nlisten: []\napi: { socket: ${socket} }\nkernel: { table: main }\n`
  )
  const { status, out, err } = await backwalk(["run", "--config", path], { privileges: NO_NET_ADMIN })
  rmSync(directory, { recursive: true })
  expect({ status, out }).toEqual({ status: 4, out: "" })
  expect(err).toContain("CAP_NET_ADMIN is missing: run as root, give the service AmbientCapabilities=CAP_NET_ADMIN")
})

// A network namespace of its own has the kernel's default of which ports are privileged, whatever the machine says of its own.
requirement("root", "namespaces").it(
  "a daemon without CAP_NET_BIND_SERVICE names the port, the capability and what to do",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "backwalk-capability-"))
    const path = join(directory, "router.yaml")
    const socket = join(directory, "control.sock")
    writeFileSync(path, `router: { asn: 65000, id: 192.0.2.1 }\nlisten: ["0.0.0.0:179"]\napi: { socket: ${socket} }\n`)
    const options = { privileges: NO_BIND_SERVICE, within: ["unshare", "--net"] }
    const { status, out, err } = await backwalk(["run", "--config", path], options)
    rmSync(directory, { recursive: true })
    expect({ status, out }).toEqual({ status: 4, out: "" })
    expect(err).toContain("listen 0.0.0.0:179: ports below 1024 need CAP_NET_BIND_SERVICE: run as root")
  }
)
