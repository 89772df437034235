// The same tree gives the same verdict (ADR-0055): what the seed of a tree depends on, and that properties take it.
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { givenSeed, treeSeed } from "../support/tree-seed.ts"
import { ROOT } from "./step.ts"

const folders: Array<string> = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "backwalk-seed-"))
  folders.push(made)
  return made
}

const treeOf = (files: Readonly<Record<string, string>>): string => {
  const root = folder()
  for (const name of ["src", "test"]) mkdirSync(join(root, name, "room"), { recursive: true })
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text)
  return root
}

describe("the seed of a tree", () => {
  const files = { "src/room/a.ts": "one", "src/b.ts": "two", "test/c.test.ts": "three" }

  it("is decided by paths and bytes: not by where the tree lies, its dates, or the order in which files were made", () => {
    const copy = treeOf(Object.fromEntries(Object.entries(files).reverse()))
    utimesSync(join(copy, "src/b.ts"), 1, 1)
    expect(treeSeed(copy)).toBe(treeSeed(treeOf(files)))
  })

  it("is another one when a byte, a path, or the file that a byte stands in is another", () => {
    const others = [
      { ...files, "src/b.ts": "twp" },
      { "src/room/a.ts": "one", "src/d.ts": "two", "test/c.test.ts": "three" },
      { ...files, "src/room/a.ts": "on", "src/b.ts": "etwo" },
      { ...files, "test/empty.ts": "" }
    ]
    expect(new Set([files, ...others].map((each) => treeSeed(treeOf(each)))).size).toBe(1 + others.length)
  })

  it("does not depend on what else lies in the root", () => {
    const root = treeOf(files)
    const before = treeSeed(root)
    writeFileSync(join(root, "README.md"), "more")
    expect(treeSeed(root)).toBe(before)
  })

  it("is an integer that BACKWALK_SEED takes", () => {
    const seed = treeSeed(ROOT)
    expect(givenSeed(`${seed}`)).toBe(seed)
    expect(givenSeed("-5")).toBe(-5)
    expect(givenSeed("")).toBeUndefined()
    for (const text of ["x", "1.5", "4294967295"]) expect(() => givenSeed(text)).toThrow(`BACKWALK_SEED=${text}`)
  })
})

describe("a run of tests", () => {
  const drawn = (seed: string, ...options: ReadonlyArray<string>): ReadonlyArray<string> => {
    const root = folder()
    mkdirSync(join(root, "test/support"), { recursive: true })
    for (const path of ["vitest.config.ts", "test/support/seed.ts", "test/support/tree-seed.ts"]) {
      cpSync(join(ROOT, path), join(root, path))
    }
    symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"))
    writeFileSync(join(root, "package.json"), '{ "type": "module" }')
    for (const name of ["a", "b"]) writeFileSync(join(root, `test/${name}.test.ts`), DRAWING)
    const ran = spawnSync(process.execPath, [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", ...options], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, BACKWALK_SEED: seed, DRAWN: join(root, "drawn") }
    })
    expect(ran.status, ran.stdout + ran.stderr).toBe(0)
    return readFileSync(join(root, "drawn"), "utf8").trim().split("\n").sort()
  }

  it("draws the same under the same seed, in every file, in properties, samples and outside of tests; each repetition under the next", () => {
    const [five, six] = [drawn("5"), drawn("6")]
    expect(drawn("5")).toEqual(five)
    // Both files say the same; what was drawn outside of tests, and by the test.
    expect([new Set(five).size, new Set(six).size, new Set([...five, ...six]).size]).toEqual([2, 2, 4])
    const inTest = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
      lines.filter((line) => line.includes("test"))
    expect(inTest(drawn("5", "--repeats=1"))).toEqual([...inTest(five), ...inTest(six)].sort())
  })
})

/** Says what it draws. */
const DRAWING = `
import { appendFileSync } from "node:fs"
import fc from "fast-check"
import { it } from "vitest"

const say = (drawn: object): void => appendFileSync(process.env.DRAWN, JSON.stringify(drawn) + "\\n")
say({ file: fc.sample(fc.nat(), 4) })
it("draws", () => {
  const test: Array<number> = []
  fc.assert(fc.property(fc.nat(), (number) => { test.push(number) }), { numRuns: 3 })
  test.push(...fc.sample(fc.nat(), 3))
  say({ test })
})
`
