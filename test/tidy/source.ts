// A small scanner for TypeScript, enough to read a file's code without being fooled by its comments and strings: the rules of
// `rules.ts` look for words and imports, and a banned word in a sentence is no use of it.

/** One file of the repository. Paths are relative to its root, with forward slashes. */
export type Tree = ReadonlyMap<string, string>

/**
 * The text with comments and the insides of strings, templates and regular expressions replaced by spaces, line breaks kept.
 * Expressions inside a template stay, because they are code.
 */
export const codeOf = (text: string): string => {
  const out = text.split("")
  const blank = (from: number, to: number) => {
    for (let at = from; at < to; at++) if (out[at] !== "\n") out[at] = " "
  }
  // Open braces; a template's `${` is a brace that returns to the template when it closes.
  const braces: Array<"block" | "template"> = []
  let at = 0
  while (at < text.length) {
    const character = text[at]
    const two = text.slice(at, at + 2)
    if (two === "//" || (at === 0 && two === "#!")) at = skip(at, endOfLine(text, at), blank)
    else if (two === "/*") at = skip(at, endOf(text, "*/", at + 2), blank)
    else if (character === '"' || character === "'") at = inside(at, endOfQuoted(text, at), blank)
    else if (character === "`") at = template(text, at, braces, blank)
    else if (character === "/" && startsRegex(out, at)) at = inside(at, endOfRegex(text, at), blank)
    else if (character === "{") {
      braces.push("block")
      at++
    } else if (character === "}" && braces.pop() === "template") at = template(text, at, braces, blank)
    else at++
  }
  return out.join("")
}

export interface Import {
  readonly specifier: string
  readonly line: number
}

/** What a file imports or re-exports, statically or dynamically, types included. */
export const importsOf = (text: string): ReadonlyArray<Import> => {
  const code = codeOf(text)
  const found: Array<Import> = []
  for (const match of code.matchAll(/\b(?:from|import\s*\(?)\s*(["'])(\s*)\1/g)) {
    const to = match.index + match[0].length - 1
    found.push({ specifier: text.slice(to - match[2]!.length, to), line: lineOf(text, match.index) })
  }
  return found
}

export const lineOf = (text: string, at: number): number => text.slice(0, at).split("\n").length

/** `a/b/../c` as `a/c`. */
export const joinPath = (folder: string, relative: string): string => {
  const parts: Array<string> = []
  for (const part of `${folder}/${relative}`.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== "." && part !== "") parts.push(part)
  }
  return parts.join("/")
}

export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")))

type Blank = (from: number, to: number) => void

const skip = (from: number, to: number, blank: Blank): number => {
  blank(from, to)
  return to
}

const inside = (from: number, to: number, blank: Blank): number => {
  blank(from + 1, to - 1)
  return to
}

/** From a backquote, or from the brace that ends an expression, to the end of the template or to its next expression. */
const template = (text: string, from: number, braces: Array<"block" | "template">, blank: Blank): number => {
  let at = from + 1
  while (at < text.length) {
    if (text[at] === "\\") at += 2
    else if (text[at] === "`") return inside(from, at + 1, blank)
    else if (text[at] === "$" && text[at + 1] === "{") {
      braces.push("template")
      blank(from + 1, at)
      return at + 2
    } else at++
  }
  return at
}

const endOfLine = (text: string, from: number): number => {
  const end = text.indexOf("\n", from)
  return end < 0 ? text.length : end
}

const endOf = (text: string, word: string, from: number): number => {
  const end = text.indexOf(word, from)
  return end < 0 ? text.length : end + word.length
}

const endOfQuoted = (text: string, from: number): number => {
  let at = from + 1
  while (at < text.length && text[at] !== text[from] && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1
  return Math.min(at + 1, text.length)
}

const endOfRegex = (text: string, from: number): number => {
  let at = from + 1
  let inClass = false
  while (at < text.length && text[at] !== "\n" && (inClass || text[at] !== "/")) {
    if (text[at] === "[") inClass = true
    if (text[at] === "]") inClass = false
    at += text[at] === "\\" ? 2 : 1
  }
  return Math.min(at + 1, text.length)
}

/** A slash begins a regular expression where a value may begin: after an operator or a keyword, not after a value. */
const startsRegex = (out: ReadonlyArray<string>, slash: number): boolean => {
  let at = slash - 1
  while (at >= 0 && /\s/.test(out[at]!)) at--
  if (at < 0) return true
  if (/[)\]}"'`]/.test(out[at]!)) return false
  let from = at
  while (from >= 0 && /[\w$]/.test(out[from]!)) from--
  const word = out.slice(from + 1, at + 1).join("")
  return word === "" || /^(return|typeof|case|in|of|delete|void|instanceof|new|yield|await|else|do)$/.test(word)
}
