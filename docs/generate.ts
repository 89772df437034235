// `npm run docs` writes the pages that are printed from code, so that they cannot say anything else than the code does. `--check`
// writes nothing and exits 1 when a page would change; the tests run that.
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { sessionPage } from "./session-page.ts"

/** Each page by its path beside this file. */
const PAGES: Readonly<Record<string, () => string>> = {
  "machines/session.md": sessionPage
}

const isCheck = process.argv.includes("--check")
const changed = Object.entries(PAGES).filter(([path, render]) => {
  const file = join(import.meta.dirname, path)
  const text = render()
  if (existsSync(file) && readFileSync(file, "utf8") === text) return false
  if (!isCheck) writeFileSync(file, text)
  return true
})
for (const [path] of changed) console.log(`docs/${path} ${isCheck ? "is out of date: npm run docs" : "written"}`)
process.exitCode = isCheck && changed.length > 0 ? 1 : 0
