// Scenarios as text, after the manner of the etcd raft library's: a file is a list of blocks, each some commands, a line of dashes, and the
// whole transcript of what they brought about. A run plays the commands and compares; with UPDATE=1 it writes what came out instead,
// and the difference is for the author to read.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { Stage } from "./stage.ts"

interface Block {
  /** Comments and blank lines that stand before it. */
  readonly heading: ReadonlyArray<string>
  readonly commands: ReadonlyArray<string>
}

const SEPARATOR = "----"

/** Who performs commands and says what came of each. */
export interface Player {
  readonly run: (command: string) => ReadonlyArray<string>
}

export const scenarioNames = (directory: string = import.meta.dirname): ReadonlyArray<string> =>
  readdirSync(directory)
    .filter((file) => file.endsWith(".txt"))
    .map((file) => file.replace(".txt", ""))
    .sort()

export interface Scenario {
  readonly title: string
  readonly expected: string
  readonly actual: string
}

/** Plays a scenario. `actual` is the file as it would be if what happened now were right. */
export const playScenario = (
  name: string,
  directory: string = import.meta.dirname,
  stage: Player = new Stage()
): Scenario => {
  const path = `${directory}/${name}.txt`
  const expected = readFileSync(path, "utf8")
  const blocks = parse(expected)
  const actual = `${blocks.map((block) => print(block, play(stage, block))).join("\n")}`
  if (process.env["UPDATE"] === "1" && actual !== expected) writeFileSync(path, actual)
  return { title: titleOf(expected), expected: process.env["UPDATE"] === "1" ? actual : expected, actual }
}

/** The first line of every file says what is shown, with the clause. */
const titleOf = (text: string): string => text.slice(0, text.indexOf("\n")).replace(/^# /, "")

const play = (stage: Player, block: Block): ReadonlyArray<string> => {
  const lines = block.commands.flatMap((command) => stage.run(command))
  return lines.length === 0 ? ["ok"] : lines
}

const print = ({ heading, commands }: Block, lines: ReadonlyArray<string>): string =>
  [...heading, ...commands, SEPARATOR, ...lines, ""].join("\n")

/** What stands below a line of dashes ends with a blank line: it is thrown away here and made anew. */
const parse = (text: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let heading: Array<string> = []
  let commands: Array<string> = []
  let isTranscript = false
  for (const line of text.split("\n")) {
    if (isTranscript) {
      isTranscript = line !== ""
    } else if (line === SEPARATOR) {
      blocks.push({ heading, commands })
      heading = []
      commands = []
      isTranscript = true
    } else if (line.startsWith("#") || line === "") {
      // Blank lines between blocks are made anew too.
      if (line !== "" || heading.length > 0) heading.push(line)
    } else {
      commands.push(line)
    }
  }
  if (commands.length > 0) blocks.push({ heading, commands })
  return blocks
}
