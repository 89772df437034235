// Messages kept as files: what other daemons sent once (captures) and what once broke a law (findings). A file is text: comments begin
// with #, every other line is the hexadecimal of one message, or of one chunk as it came from a socket.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { toHex } from "../../src/wire/index.ts"

const FOLDER = join(import.meta.dirname, "corpus")

export interface CorpusFile {
  readonly name: string
  readonly messages: ReadonlyArray<Uint8Array>
}

export const readCorpus = (): ReadonlyArray<CorpusFile> =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith(".hex"))
    .sort()
    .map((name) => ({ name, messages: fromText(readFileSync(join(FOLDER, name), "utf8")) }))

export const fromText = (text: string): ReadonlyArray<Uint8Array> =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => new Uint8Array(Buffer.from(line.trim(), "hex")))

export const toText = (comment: ReadonlyArray<string>, messages: ReadonlyArray<Uint8Array>): string =>
  [...comment.map((line) => `# ${line}`), ...messages.map((message) => toHex(message)), ""].join("\n")

/** Keeps what broke a law; returns the file's name. */
export const keepFinding = (
  name: string,
  comment: ReadonlyArray<string>,
  messages: ReadonlyArray<Uint8Array>
): string => {
  const file = `finding-${name}.hex`
  writeFileSync(join(FOLDER, file), toText(comment, messages))
  return file
}
