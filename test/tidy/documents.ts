// The rules about everything that people read: documents have one title and links that lead somewhere, decisions are listed, and no
// text names the machine it was written on. Functions from a tree of files to findings, like those of rules.ts.
import { folderOf, joinPath, lineOf, type Tree } from "./source.ts"

/** One title, and it comes first. */
export const oneTitle = (tree: Tree): ReadonlyArray<string> =>
  documents(tree).flatMap(([path, text]) => {
    const prose = withoutFences(text)
    const titles = prose.match(/^# .+$/gm) ?? []
    if (titles.length !== 1) return [`${path} has ${titles.length} titles`]
    return prose.trimStart().startsWith("# ") ? [] : [`${path} has text before its title`]
  })

/** A relative link leads to a file of the repository. */
export const linksLeadSomewhere = (tree: Tree): ReadonlyArray<string> =>
  documents(tree).flatMap(([path, text]) =>
    [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => {
      const target = link!.replace(/#.*$/, "")
      if (target === "" || /^[a-z]+:/.test(target)) return []
      const file = joinPath(folderOf(path), target)
      const exists = tree.has(file) || [...tree.keys()].some((other) => other.startsWith(`${file}/`))
      return exists ? [] : [`${path} links to ${target}, which is not there`]
    })
  )

/** Code that a document shows from a file, under a comment that names it, is in that file as it is shown. */
export const excerptsAgree = (tree: Tree): ReadonlyArray<string> =>
  documents(tree).flatMap(([path, text]) =>
    [...text.matchAll(/^<!-- from (\S+) -->\n```\w*\n([\s\S]*?)\n```$/gm)].flatMap((match) => {
      const file = joinPath(folderOf(path), match[1]!)
      const shown = `${path}:${lineOf(text, match.index)} shows ${file}`
      if (!tree.has(file)) return [`${shown}, which is not there`]
      return tree.get(file)!.includes(match[2]!) ? [] : [`${shown}, which says something else`]
    })
  )

/** Each decision is in the index, each entry of the index is a decision, and each decision says why and what follows. */
export const decisionsListed = (tree: Tree): ReadonlyArray<string> => {
  const index = tree.get("docs/adr/README.md") ?? ""
  const decisions = documents(tree).filter(([path]) => /^docs\/adr\/\d{4}-[\w-]+\.md$/.test(path))
  const strangers = documents(tree).filter(([path]) => /^docs\/adr\/(?!\d{4}-[\w-]+\.md$|README\.md$)/.test(path))
  const numbers = decisions.map(([path]) => numberOf(path))
  return [
    ...strangers.map(([path]) => `${path} is no decision: NNNN-title.md`),
    ...decisions.flatMap(([path, text]) => [
      ...(index.includes(`](${path.slice("docs/adr/".length)})`) ? [] : [`${path} is missing from docs/adr/README.md`]),
      ...["Context", "Decision", "Consequences"].flatMap((heading) =>
        new RegExp(`^## ${heading}$`, "m").test(text) ? [] : [`${path} has no section ${heading}`]
      ),
      ...(numbers.filter((number) => number === numberOf(path)).length > 1 ? [`${path} shares its number`] : [])
    ])
  ]
}

/** A decision that code or a document refers to exists. */
export const decisionsExist = (tree: Tree): ReadonlyArray<string> => {
  const numbers = new Set([...tree.keys()].filter((path) => path.startsWith("docs/adr/")).map(numberOf))
  return texts(tree).flatMap(([path, text]) =>
    [...text.matchAll(/\bADR[- ](\d{4})\b/g)].flatMap((match) =>
      numbers.has(match[1]!)
        ? []
        : [`${path}:${lineOf(text, match.index)} refers to ADR-${match[1]}, which is not there`]
    )
  )
}

/** No text names a folder of the machine that it was written on, or a private registry. */
export const noMachinePaths = (tree: Tree): ReadonlyArray<string> =>
  texts(tree).flatMap(([path, text]) =>
    [...text.matchAll(MACHINE_PATH)].map((match) => `${path}:${lineOf(text, match.index)} names ${match[0]}`)
  )

/** What is left to do stands in docs/KNOWN-GAPS.md, not in the source. */
export const noReminders = (tree: Tree): ReadonlyArray<string> =>
  texts(tree).flatMap(([path, text]) =>
    [...text.matchAll(REMINDER)].map((match) => `${path}:${lineOf(text, match.index)} says ${match[0]}`)
  )

// Written in pieces, so that these rules do not find themselves.
const MACHINE_PATH = new RegExp(
  `(?<![\\w.-])/(?:${["work", "home/\\w+", "Users/\\w+", "root"].join("|")})/|"resolved": "https?:`,
  "g"
)
const REMINDER = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|")})\\b`, "g")

const documents = (tree: Tree): ReadonlyArray<readonly [string, string]> =>
  [...tree].filter(([path]) => path.endsWith(".md"))

/** The files that people write. */
const texts = (tree: Tree): ReadonlyArray<readonly [string, string]> =>
  [...tree].filter(([path]) => path !== "LICENSE" && path !== "test/tidy.test.ts")

const withoutFences = (text: string): string => text.replace(/^(```|~~~)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, "")

const numberOf = (path: string): string => /(\d{4})-/.exec(path)?.[1] ?? ""
