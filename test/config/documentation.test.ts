// The handbook's configuration is one that the daemon takes, and the handbook knows every key of a peer and of a range.
import { readFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { configJsonSchema, parseConfig } from "../../src/config/index.ts"

const text = readFileSync(new URL("../../docs/operating/configure.md", import.meta.url), "utf8")
const blocks = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block!)

interface Described {
  readonly properties: Readonly<Record<string, Described>>
  readonly items: Described
}

describe("docs/operating/configure.md", () => {
  it("begins with a configuration without errors or warnings", () => {
    expect(Effect.runSync(parseConfig(blocks[0]!, "configure.md")).warnings).toEqual([])
  })

  it("describes ranges that the daemon takes", () => {
    const block = blocks.find((each) => each.startsWith("groups:"))!
    const { router } = Effect.runSync(parseConfig(`router: { asn: 65000, id: 192.0.2.1 }\n${block}`, "configure.md"))
    expect(router.dynamic).toHaveLength(2)
  })

  it("names every key", () => {
    const { properties } = configJsonSchema() as unknown as Described
    const restart = ["helper", "restart-time", "long-lived-time"]
    const keys = [
      ...Object.keys(properties),
      ...Object.keys(properties["peers"]!.items.properties),
      ...Object.keys(properties["dynamic"]!.items.properties),
      ...restart
    ]
    expect(keys.filter((key) => !text.includes(`\`${key}\``) && !text.includes(`\`${key}:`))).toEqual([])
  })
})
