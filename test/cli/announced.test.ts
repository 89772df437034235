// What a file says of our program and of us, as the peer of a running daemon hears it: from YAML to the OPEN on the wire.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { startDaemon } from "./process.ts"
import { startSpeaker } from "./speaker.ts"

it("a peer hears the software version, the host name, the role and the families that the file says", async () => {
  const directory = mkdtempSync(join(tmpdir(), "backwalk-announced-"))
  const speaker = await startSpeaker({ address: "127.0.0.67", asn: 64567 })
  const file = join(directory, "router.yaml")
  writeFileSync(
    file,
    `router: { asn: 65000, id: 192.0.2.1, hostname: edge-7, software-version: "backwalk at the edge" }
listen: []
api: { socket: ${join(directory, "control.sock")} }
peers:
  - { address: 127.0.0.67, port: ${speaker.port}, asn: 64567, policy: open, role: customer, families: [ipv4-unicast, ipv6-unicast] }
`
  )
  const daemon = startDaemon(file)
  try {
    // The test's own deadline is the bound.
    while (speaker.opens.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    const { asn, id, capabilities } = speaker.opens[0]!
    expect({ asn, id }).toEqual({ asn: 65000, id: 0xc000_0201 })
    expect(capabilities).toContainEqual({ _tag: "SoftwareVersion", version: "backwalk at the edge" })
    expect(capabilities).toContainEqual({ _tag: "Fqdn", host: "edge-7", domain: "" })
    expect(capabilities).toContainEqual({ _tag: "Role", role: 3 })
    expect(capabilities).toContainEqual({ _tag: "Multiprotocol", afi: 2, safi: 1 })
  } finally {
    await daemon.end()
    speaker.end()
    rmSync(directory, { recursive: true })
  }
})
