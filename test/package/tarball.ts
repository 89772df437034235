// The step of `npm test` that sees the package as a user does: packs it, installs the tarball into a project of its own beside the
// declared dependencies and nothing more, and there type-checks and runs docs/examples/library, which property-tests a machine and
// replays a log through the front doors `backwalk` and `backwalk/testing`. Nothing is downloaded: dependencies are linked.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { counted, exec, type Ran, ROOT, type Step } from "../run/step.ts"

const NODE = join(ROOT, "node_modules/.bin/node")
const EXAMPLE = join(ROOT, "docs/examples/library")

export const tarball: Step = {
  name: "package",
  run: async () => {
    const folder = mkdtempSync(join(tmpdir(), "backwalk-package-"))
    try {
      const packed = await exec("npm", ["pack", "--silent", "--pack-destination", folder], { timeoutMs: 180_000 })
      const archive = readdirSync(folder).find((name) => name.endsWith(".tgz"))
      if (packed.code !== 0 || archive === undefined) return counted([["npm pack", packed.output]])
      return counted([
        ["npm pack", undefined],
        ...(await contents(join(folder, archive))),
        ...(await bare(folder, join(folder, archive))),
        ...(await example(folder, join(folder, archive)))
      ])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

type Check = readonly [title: string, fault: string | undefined]

/** What is in the archive, and that nothing else is. */
const contents = async (archive: string): Promise<ReadonlyArray<Check>> => {
  const files = (await exec("tar", ["-tzf", archive])).output.trim().split("\n")
  const wanted = ["bin/backwalk", "bin/backwalk-node", "dist/backwalk.mjs", "dist/index.js", "dist/index.d.ts"]
  const doors = [
    "dist/testing.js",
    "dist/testing.d.ts",
    "dist/config/index.js",
    "dist/config/index.d.ts",
    "LICENSE",
    "README.md"
  ]
  const absent = [...wanted, ...doors].filter((file) => !files.includes(`package/${file}`))
  const strange = files.filter(
    (file) => !/^package\/(package\.json|README\.md|LICENSE|bin\/[\w-]+|dist\/.+\.(js|mjs|d\.ts))$/.test(file)
  )
  return [
    [
      "holds the launcher, the bundle and the three front doors",
      absent.length === 0 ? undefined : `no ${absent.join(", ")}`
    ],
    ["holds nothing else", strange.length === 0 ? undefined : strange.slice(0, 5).join(", ")]
  ]
}

/** The pure rooms import nothing, so the library loads where no dependency is installed; other paths are closed. */
const bare = async (folder: string, archive: string): Promise<ReadonlyArray<Check>> => {
  const project = join(folder, "bare")
  await unpack(archive, project)
  const load = (specifier: string) =>
    exec(NODE, ["--input-type=module", "-e", `console.log(Object.keys(await import("${specifier}")).length)`], {
      cwd: project
    })
  const library = await load("backwalk")
  const inner = await load("backwalk/dist/index.js")
  const help = await exec(join(project, "node_modules/.bin/backwalk"), ["--help"], {
    cwd: project,
    env: { BACKWALK_NODE: process.execPath },
    timeoutMs: 30_000
  })
  return [
    ["`backwalk` loads without any dependency", Number(library.output) > 10 ? undefined : library.output],
    [
      "nothing but the front doors is exported",
      /ERR_PACKAGE_PATH_NOT_EXPORTED/.test(inner.output) ? undefined : inner.output
    ],
    ["the command runs from the bundle alone", fault(help, /demo/)]
  ]
}

/** docs/examples/library as somebody else's project. */
const example = async (folder: string, archive: string): Promise<ReadonlyArray<Check>> => {
  const project = join(folder, "example")
  cpSync(EXAMPLE, project, { recursive: true })
  await unpack(archive, project)
  for (const name of dependencies()) link(name, project)
  const types = await exec(NODE, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "."], { cwd: project })
  const tests = await exec(NODE, ["--test", "--test-reporter=tap", "*.test.ts"], { cwd: project, timeoutMs: 120_000 })
  const passed = Number(/^# pass (\d+)$/m.exec(tests.output)?.[1] ?? 0)
  return [
    ["the example type-checks against the published declarations", fault(types)],
    [`the example's tests pass (${passed})`, fault(tests, passed > 0 ? undefined : /^$/)]
  ]
}

const fault = (ran: Ran, expected?: RegExp): string | undefined =>
  ran.code === 0 && (expected === undefined || expected.test(ran.output))
    ? undefined
    : `exit ${ran.code}\n${ran.output.slice(0, 4000)}`

const unpack = async (archive: string, project: string): Promise<void> => {
  const home = join(project, "node_modules/backwalk")
  mkdirSync(home, { recursive: true })
  mkdirSync(join(project, "node_modules/.bin"), { recursive: true })
  await exec("tar", ["-xzf", archive, "-C", home, "--strip-components=1"])
  symlinkSync("../backwalk/bin/backwalk", join(project, "node_modules/.bin/backwalk"))
}

/** The packages that a user of the library gets or brings: the dependencies, and what the example's package.json asks for. */
const dependencies = (): ReadonlyArray<string> => {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly dependencies?: object }>>
  }
  const { devDependencies } = JSON.parse(readFileSync(join(EXAMPLE, "package.json"), "utf8"))
  const names = Object.entries(lock.packages)
    .filter(([path, { dev }]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && dev !== true)
    .map(([path]) => path.slice("node_modules/".length))
  return [...new Set([...names, ...Object.keys(devDependencies)])].filter((name) => name !== "backwalk")
}

const link = (name: string, project: string): void => {
  const from = join(ROOT, "node_modules", name)
  const to = join(project, "node_modules", name)
  if (!existsSync(from) || existsSync(to)) return
  mkdirSync(dirname(to), { recursive: true })
  symlinkSync(from, to, "dir")
}
