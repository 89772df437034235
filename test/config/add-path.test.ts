// How many paths a peer is told, as the file says it. RFC 7911
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { parseConfig } from "../../src/config/index.ts"
import { ADD_PATH_ALL } from "../../src/router/index.ts"

const pathsOf = (addPath: string): unknown =>
  Effect.runSync(
    parseConfig(
      `router: { asn: 65000, id: 192.0.2.1 }\npeers: [{ address: 192.0.2.7, asn: 1, add-path: ${addPath} }]`,
      "f.yaml"
    )
  ).router.peers[0].addPath

describe("add-path", () => {
  it.each([
    ["{ receive: true, send: 4 }", { receive: true, send: 4 }],
    ["{ send: all }", { receive: false, send: ADD_PATH_ALL }],
    ["{ receive: true }", { receive: true, send: 0 }]
  ])("%s", (text, expected) => {
    expect(pathsOf(text)).toEqual(expected)
  })

  it.each(["{ send: some }", "{ send: 65 }", "{ send: -1 }"])("%s is refused", (text) => {
    expect(() => pathsOf(text)).toThrow("how many paths to send for a prefix: 0 (just the best one), 1 to 64, or all")
  })
})
