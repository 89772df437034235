// The launcher: which Node.js it takes, and what it says when there is none that will do.
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { ROOT } from "../run/step.ts"

let home = ""
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "backwalk-launcher-"))
  cpSync(join(ROOT, "bin"), join(home, "bin"), { recursive: true })
  mkdirSync(join(home, "path"))
  for (const tool of ["readlink", "find", "head"]) {
    symlinkSync(
      spawnSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).stdout.trim(),
      join(home, "path", tool)
    )
  }
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** A file that behaves as a Node.js of this version as far as the launcher looks. */
const fakeNode = (path: string, version: number): void => {
  mkdirSync(join(home, path, ".."), { recursive: true })
  const answer = `#!/bin/sh\n[ "$1" = -p ] && { [ ${version} -ge 26 ] && echo true || echo false; exit 0; }\necho "${path}: $@"\n`
  writeFileSync(join(home, path), answer, { mode: 0o755 })
}

const run = (env: Readonly<Record<string, string>> = {}) =>
  spawnSync("/bin/sh", [join(home, "bin/backwalk"), "show", "peers"], {
    encoding: "utf8",
    env: { PATH: join(home, "path"), ...env }
  })

const file = (path: string, ageSeconds: number): void => {
  mkdirSync(join(home, path, ".."), { recursive: true })
  writeFileSync(join(home, path), "")
  utimesSync(join(home, path), new Date(1e12 - ageSeconds * 1e3), new Date(1e12 - ageSeconds * 1e3))
}

describe("the launcher", () => {
  it("takes the Node.js that came with the dependencies before the system's", () => {
    fakeNode("node_modules/.bin/node", 26)
    fakeNode("path/node", 26)
    expect(run().stdout).toBe(
      `node_modules/.bin/node: --max-semi-space-size=1 --no-maglev ${home}/dist/backwalk.mjs show peers\n`
    )
  })

  it("takes the system's where it is new enough and nothing came with it", () => {
    fakeNode("path/node", 28)
    expect(run().stdout).toContain("path/node: ")
  })

  it("says what to do where there is none that is new enough", () => {
    fakeNode("path/node", 20)
    const { status, stderr } = run()
    expect([status, stderr]).toEqual([2, expect.stringContaining("needs Node.js >= 26: run npm ci")])
  })

  it("refuses a BACKWALK_NODE that is too old instead of taking another", () => {
    fakeNode("node_modules/.bin/node", 26)
    fakeNode("old", 22)
    const { status, stderr } = run({ BACKWALK_NODE: join(home, "old") })
    expect([status, stderr]).toEqual([2, expect.stringContaining("is not a Node.js >= 26")])
  })

  it("runs the bundle, unless the sources beside it are newer or it was never built", () => {
    fakeNode("path/node", 26)
    file("src/main.ts", 100)
    expect(run().stdout).toContain("src/main.ts show")
    file("dist/backwalk.mjs", 50)
    expect(run().stdout).toContain("dist/backwalk.mjs show")
    file("src/wire/open.ts", 10)
    expect(run().stdout).toContain("src/main.ts show")
  })
})
