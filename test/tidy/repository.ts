// The repository as a tree of texts: what git tracks or would track. Where there is no git (an unpacked archive) every file outside
// the folders that .gitignore names.
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import type { Tree } from "./source.ts"

export const ROOT = join(import.meta.dirname, "../..")

const TEXT_BYTES_MAX = 4 * 1024 * 1024
const BINARY = /\.(png|gz|bz2|bin|log|pcap|mrt|tgz)$/

export const readRepository = (): Tree => {
  const tree = new Map<string, string>()
  for (const path of [...listed()].sort()) {
    const file = join(ROOT, path)
    if (BINARY.test(path) || !existsSync(file) || !statSync(file).isFile() || statSync(file).size > TEXT_BYTES_MAX)
      continue
    tree.set(path, readFileSync(file, "utf8"))
  }
  return tree
}

const listed = (): Iterable<string> => {
  try {
    const out = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"]
    })
    return new Set(out.split("\0").filter((path) => path !== ""))
  } catch {
    return walk("")
  }
}

function* walk(folder: string): Iterable<string> {
  const ignored = readFileSync(join(ROOT, ".gitignore"), "utf8").split("\n")
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    if (entry.name === ".git" || ignored.includes(entry.name)) continue
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) yield* walk(path)
    else if (entry.isFile()) yield path
  }
}
