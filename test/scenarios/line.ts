// A command line of a scenario: a verb, names, and `key=value` options in any order.

export interface Line {
  readonly command: string
  readonly names: ReadonlyArray<string>
  /** The value of an option; without a default it has to be there. */
  readonly option: (key: string, otherwise?: string) => string
  readonly has: (word: string) => boolean
}

export const parseLine = (text: string): Line => {
  const [command, ...words] = text.trim().split(/\s+/)
  const options = new Map(words.filter((word) => word.includes("=")).map((word) => splitAtFirst(word)))
  const names = words.filter((word) => !word.includes("="))
  return {
    command: command!,
    names,
    option: (key, otherwise) => {
      const value = options.get(key) ?? otherwise
      if (value === undefined) throw new Error(`${key}= is missing: ${text}`)
      return value
    },
    has: (word) => names.includes(word) || options.has(word)
  }
}

const splitAtFirst = (word: string): readonly [string, string] => {
  const at = word.indexOf("=")
  return [word.slice(0, at), word.slice(at + 1)]
}
