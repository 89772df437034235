// The rules of docs/ARCHITECTURE.md and docs/STYLE.md, executable. Each rule is run twice: over the repository, where it must find
// nothing, and over a small tree that breaks it, where it must find exactly that; so no rule can quietly stop working.
import { spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import * as documents from "./tidy/documents.ts"
import { ROOT, readRepository } from "./tidy/repository.ts"
import * as rules from "./tidy/rules.ts"
import { codeOf, importsOf, type Tree } from "./tidy/source.ts"

const repository = readRepository()

interface Example {
  readonly rule: (tree: Tree) => ReadonlyArray<string>
  readonly title: string
  /** Breaks the rule. */
  readonly bad: Readonly<Record<string, string>>
  /** What the rule finds in it, in part. */
  readonly finds: ReadonlyArray<string>
  /** Looks alike and is allowed. */
  readonly good: Readonly<Record<string, string>>
}

const HEADER = "// A header comment that says what this is.\n"

const examples: ReadonlyArray<Example> = [
  {
    rule: rules.importDirection,
    title: "a room imports only rooms above it",
    bad: {
      "src/wire/open.ts": 'import { x } from "../rib/index.ts"',
      "src/index.ts": 'export { y } from "./runtime/index.ts"',
      "src/testing/a.ts": 'import "../runtime/index.ts"',
      "src/cli/a.ts": 'const m = await import("../testing/index.ts")'
    },
    finds: [
      "src/wire/open.ts:1 imports rib",
      "src/index.ts:1 imports runtime",
      "src/testing/a.ts:1 imports runtime",
      "src/cli/a.ts:1 imports testing"
    ],
    good: {
      "src/rib/a.ts": 'import { x } from "../wire/index.ts"\nimport type { z } from "./b.ts"',
      "src/main.ts": 'import { main } from "./cli/index.ts"',
      "src/wire/a.ts": '// from "../rib/index.ts"\nconst text = \'import "../rib/index.ts"\''
    }
  },
  {
    rule: rules.frontDoors,
    title: "another room is entered by its index.ts",
    bad: { "src/rib/a.ts": 'import type { x } from "../wire/open.ts"' },
    finds: ["src/rib/a.ts:1 enters wire by src/wire/open.ts"],
    good: { "src/rib/a.ts": 'import { x } from "../wire/index.ts"\nimport { y } from "./b.ts"' }
  },
  {
    rule: rules.packages,
    title: "pure rooms import nothing from npm or node:, the others only what is listed",
    bad: {
      "src/rib/a.ts": 'import { Effect } from "effect"',
      "src/wire/a.ts": 'import { readFileSync } from "node:fs"',
      "src/runtime/a.ts": 'import lodash from "lodash"',
      "src/testing/a.ts": 'import { it } from "vitest"'
    },
    finds: ['src/rib/a.ts:1 imports "effect"', '"node:fs"', '"lodash"', '"vitest"'],
    good: {
      "src/runtime/a.ts": 'import * as Effect from "effect/Effect"\nimport { open } from "node:fs/promises"',
      "src/testing/a.ts": 'import fc from "fast-check"',
      "src/config/a.ts": 'import { parse } from "yaml"'
    }
  },
  {
    rule: rules.importsResolve,
    title: "relative imports name a file that exists, with its ending",
    bad: { "src/rib/a.ts": 'import "./b.ts"\nimport "./c"' },
    finds: ["src/rib/a.ts:1 imports ./b.ts", 'src/rib/a.ts:2 imports "./c" without .ts'],
    good: { "src/rib/a.ts": 'import "./b.ts"', "src/rib/b.ts": "" }
  },
  {
    rule: rules.bannedWords,
    title: "no clock, chance, waiting or world in a pure room",
    bad: {
      "src/fib/a.ts": "const now = Date.now()\nconst r = Math . random()",
      "src/ksync/a.ts": ["const text = `at $", "{performance.now()} now`"].join(""),
      "src/session/a.ts": "export const f = async () => {}"
    },
    finds: [
      "src/fib/a.ts:1 uses Date",
      "src/fib/a.ts:2 uses Math.random",
      "src/ksync/a.ts:1 uses performance",
      "uses async"
    ],
    good: {
      "src/fib/a.ts":
        '// Date, performance\n/* process */ const text = "setTimeout" + `console` + /Buffer/.source\nconst updatedDate = peer.process',
      "src/runtime/a.ts": "setTimeout(() => Date.now(), 5)"
    }
  },
  {
    rule: rules.seededTests,
    title: "no test takes chances that the seed of the run does not decide",
    bad: {
      "test/fib/a.test.ts": 'import { randomBytes } from "node:crypto"',
      "test/fib/b.ts": "const r = Math.random()"
    },
    finds: ["test/fib/a.test.ts:1 uses randomBytes", "test/fib/b.ts:1 uses Math.random"],
    good: { "test/fib/a.test.ts": "// Math.random()\nfc.sample(fc.nat())", "src/runtime/a.ts": "randomBytes(4)" }
  },
  {
    rule: rules.headerComments,
    title: "a file opens with a comment that says what it is",
    bad: { "src/fib/a.ts": 'import "./b.ts"\n// too late to say what this file is', "src/fib/b.ts": "// fib\n" },
    finds: ["src/fib/a.ts does not open", "src/fib/b.ts does not open"],
    good: { "src/fib/a.ts": HEADER, "test/run.ts": `#!/usr/bin/env node\n${HEADER}` }
  },
  {
    rule: rules.orphans,
    title: "no file is there that nobody imports",
    bad: {
      "src/index.ts": 'export * from "./fib/index.ts"',
      "src/fib/index.ts": "",
      "src/fib/dead.ts": "",
      "test/fib.test.ts": 'import "../src/fib/dead.ts"',
      "test/support/dead.ts": ""
    },
    finds: ["src/fib/dead.ts is reached by no entry point", "test/support/dead.ts is imported by nothing"],
    good: {
      "src/main.ts": 'import("./cli/index.ts")',
      "src/cli/index.ts": "",
      "test/a.test.ts": 'import "./support/b.ts"',
      "test/support/b.ts": ""
    }
  },
  {
    rule: rules.names,
    title: "a name says what is inside, and every folder of src is a room",
    bad: { "src/fib/utils.ts": "", "src/common/a.ts": "", "src/kitchen/a.ts": "", "src/fib/core/a.ts": "" },
    finds: [
      "src/fib/utils.ts is called utils",
      "src/common/a.ts is called common",
      "common, which is no room",
      "kitchen, which is no room",
      "src/fib/core/a.ts is called core"
    ],
    good: { "src/fib/path-list.ts": "", "src/main.ts": "", "src/runtime/core.ts": "" }
  },
  {
    rule: rules.fileLength,
    title: "a file fits a sitting",
    bad: { "src/fib/a.ts": "\n".repeat(401) },
    finds: ["src/fib/a.ts has 401 lines"],
    good: { "src/fib/a.ts": "\n".repeat(400), "docs/long.md": "\n".repeat(900) }
  },
  {
    rule: rules.machinesRegistered,
    title: "every machine is listed in the law tests",
    bad: {
      "src/ksync/ksync.ts": "export const ksync: Machine<State, Event> = {}",
      "src/session/session.ts": "export const session = fromReducer({})\nexport const reducePeer = () => {}",
      "test/laws/registry.ts": "// ksync is not here: a comment does not count"
    },
    finds: ["the machine ksync", "the machine session", "the machine reducePeer"],
    good: {
      "src/ksync/ksync.ts": "export const ksync: Machine<State, Event> = {}",
      "test/laws/registry.ts": "law(ksync)"
    }
  },
  {
    rule: rules.doorsWithoutLogic,
    title: "an index.ts holds a charter and exports",
    bad: { "src/fib/index.ts": "export const add = (a, b) => a + b" },
    finds: ["src/fib/index.ts holds logic"],
    good: {
      "src/fib/index.ts": '// for if const\nexport { add, type Sum } from "./add.ts"',
      "src/fib/add.ts": "const a = 1"
    }
  },
  {
    rule: rules.noSkippedTests,
    title: "no test is skipped or run alone",
    bad: { "test/fib/a.test.ts": 'it.skip("x")\ndescribe . only("y")' },
    finds: ["test/fib/a.test.ts has it.skip", "test/fib/a.test.ts has describe . only"],
    good: { "test/fib/a.test.ts": '// it.skip\nit("says it.only", f)' }
  },
  {
    rule: documents.oneTitle,
    title: "a document has one title, and it comes first",
    bad: { "docs/a.md": "# One\n\n# Two\n", "docs/b.md": "none\n", "README.md": "text\n\n# Late\n" },
    finds: ["docs/a.md has 2 titles", "docs/b.md has 0 titles", "README.md has text before its title"],
    good: { "docs/a.md": "# One\n\n## Two\n\n```sh\n# a comment\n```\n" }
  },
  {
    rule: documents.linksLeadSomewhere,
    title: "a relative link leads to a file",
    bad: { "docs/a.md": "# A\n[gone](b.md) and [up](../gone/)" },
    finds: ["docs/a.md links to b.md", "docs/a.md links to ../gone/"],
    good: {
      "docs/a.md": "# A\n[self](#a) [b](adr/b.md#part) [folder](adr) [web](https://example.org)",
      "docs/adr/b.md": ""
    }
  },
  {
    rule: documents.excerptsAgree,
    title: "code that a document shows is in the file that it names",
    bad: {
      "docs/a.md":
        "# A\n<!-- from examples/a.ts -->\n```ts\nconst a = 2\n```\n<!-- from examples/b.ts -->\n```ts\nb\n```\n",
      "docs/examples/a.ts": "const a = 1\n"
    },
    finds: [
      "docs/a.md:2 shows docs/examples/a.ts, which says something else",
      "docs/examples/b.ts, which is not there"
    ],
    good: {
      "docs/a.md": "# A\n<!-- from examples/a.ts -->\n```ts\nconst a = 1\n```\n",
      "docs/examples/a.ts": "// A\nconst a = 1\nconst b = 2\n"
    }
  },
  {
    rule: documents.decisionsListed,
    title: "every decision is in the index and says why",
    bad: {
      "docs/adr/README.md": "# Decisions\n",
      "docs/adr/0001-a.md": "# A\n## Context\n## Decision\n",
      "docs/adr/0001-b.md": "# B\n## Context\n## Decision\n## Consequences\n",
      "docs/adr/draft.md": "# Draft\n"
    },
    finds: [
      "draft.md is no decision",
      "0001-a.md is missing from docs/adr/README.md",
      "0001-a.md has no section Consequences",
      "0001-a.md shares its number",
      "0001-b.md is missing",
      "0001-b.md shares"
    ],
    good: {
      "docs/adr/README.md": "# Decisions\n[A](0001-a.md)",
      "docs/adr/0001-a.md": "# A\n## Context\n## Decision\n## Consequences\n"
    }
  },
  {
    rule: documents.decisionsExist,
    title: "a decision that is referred to exists",
    bad: { "src/fib/a.ts": "// Counts nodes (ADR-0008)." },
    finds: ["src/fib/a.ts:1 refers to ADR-0008"],
    good: { "src/fib/a.ts": "// Counts nodes (ADR-0008).", "docs/adr/0008-budgets.md": "" }
  },
  {
    rule: documents.noMachinePaths,
    title: "no text names the machine it was written on",
    bad: {
      "docs/a.md": "see /Users/ann/x",
      "src/a.ts": "// /home/ann/x",
      "package-lock.json": '"resolved": "https://npm.example"'
    },
    finds: ["docs/a.md:1 names /Users/", "src/a.ts:1 names /home/a", "package-lock.json:1 names"],
    good: { "docs/a.md": "network/work/x, /var/lib/backwalk, src/../work/" }
  },
  {
    rule: documents.noReminders,
    title: "nothing is left to do in the source",
    bad: { "src/a.ts": "// TODO: later\n// FIXME" },
    finds: ["src/a.ts:1 says TODO", "src/a.ts:2 says FIXME"],
    good: { "src/a.ts": "const TODOS = 1" }
  }
]

describe("the repository keeps its rules", () => {
  for (const { rule, title } of examples) {
    it(title, () => {
      expect(rule(repository)).toEqual([])
    })
  }
})

describe("each rule finds what breaks it, and only that", () => {
  for (const { rule, title, bad, finds, good } of examples) {
    it(title, () => {
      const found = rule(new Map(Object.entries(bad)))
      expect(found).toEqual(finds.map((part) => expect.stringContaining(part)))
      expect(rule(new Map(Object.entries(good)))).toEqual([])
    })
  }
})

describe("generated documents", () => {
  const generate = (root: string): { readonly status: number | null; readonly stdout: string } =>
    spawnSync(process.execPath, [join(root, "docs/generate.ts"), "--check"], { encoding: "utf8" })

  it("say what the code says", () => {
    expect(generate(ROOT)).toMatchObject({ status: 0, stdout: "" })
  }, 30_000)

  it("are found when they do not", () => {
    const copy = mkdtempSync(join(tmpdir(), "backwalk-docs-"))
    try {
      for (const folder of ["docs", "src", "test"]) cpSync(join(ROOT, folder), join(copy, folder), { recursive: true })
      symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"))
      writeFileSync(join(copy, "package.json"), '{ "type": "module" }')
      writeFileSync(join(copy, "docs/machines/session.md"), "# The session machine\n")
      expect(generate(copy)).toMatchObject({ status: 1, stdout: expect.stringContaining("session.md is out of date") })
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  }, 30_000)
})

describe("the scanner that the rules read with", () => {
  it("blanks comments, strings, templates and regular expressions, and keeps what a template computes", () => {
    const dollar = "$"
    const before = `a("//x", 'b', \`c ${dollar}{d + \`e ${dollar}{f}\`} g\`) // h\n/* i\nj */ k / l / m; n = /o"[/]p/; \`${dollar}{{ q: "r" }.s}\``
    const after = `a("", '', \`${dollar}{d + \`${dollar}{f}\`}\`) k / l / m; n = //; \`${dollar}{{ q: "" }.s}\``
    expect(codeOf(before).replace(/\s/g, "")).toBe(after.replace(/\s/g, ""))
    expect(codeOf(before).split("\n").length).toBe(before.split("\n").length)
    expect(codeOf(before).length).toBe(before.length)
  })

  it("finds imports of every form with their lines, and none in comments or strings", () => {
    const text = [
      'import a from "./a.ts"',
      "import type { b } from './b.ts'",
      'export * from "c"',
      'const d = await import("./d.ts")',
      'import "./e.ts"',
      "import {",
      "  f",
      '} from "./f.ts"',
      '// import "./no.ts"',
      "const text = 'from \"./no.ts\"'",
      'Array.from("no")'
    ].join("\n")
    expect(importsOf(text).map(({ specifier, line }) => `${specifier}:${line}`)).toEqual([
      "./a.ts:1",
      "./b.ts:2",
      "c:3",
      "./d.ts:4",
      "./e.ts:5",
      "./f.ts:8"
    ])
  })

  it("sees the repository at all", () => {
    expect([...repository.keys()]).toContain("src/machine/index.ts")
    expect([...repository.keys()].some((path) => path.startsWith("node_modules/"))).toBe(false)
  })
})
