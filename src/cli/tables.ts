// Text for people: tables whose columns fit what they hold, and answers without rows as indented words. May change at will; programs
// read JSON.

export type Row = Readonly<Record<string, unknown>>
export interface Column {
  readonly title: string
  readonly cell: (row: Row) => unknown
  readonly right?: boolean
}

/** Widths are taken from the rows seen so far; what comes later and is wider just pushes its neighbours. */
export class TableWriter {
  private widths: ReadonlyArray<number> | undefined
  private held: Array<ReadonlyArray<string>> = []
  private readonly columns: ReadonlyArray<Column>

  constructor(columns: ReadonlyArray<Column>) {
    this.columns = columns
  }

  /** Text that is ready to print, perhaps none yet. */
  add(row: Row): string {
    const cells = this.columns.map((column) => cellText(column.cell(row)))
    if (this.widths !== undefined) return this.line(cells)
    this.held.push(cells)
    return this.held.length < ROWS_TO_MEASURE ? "" : this.release()
  }

  end(): string {
    return this.widths === undefined && this.held.length > 0 ? this.release() : ""
  }

  private release(): string {
    const titles = this.columns.map((column) => column.title)
    this.widths = titles.map((title, at) => Math.max(title.length, ...this.held.map((cells) => cells[at]!.length)))
    const text = [titles, ...this.held].map((cells) => this.line(cells)).join("")
    this.held = []
    return text
  }

  private line(cells: ReadonlyArray<string>): string {
    const padded = cells.map((cell, at) => {
      const width = this.widths![at]!
      return this.columns[at]!.right === true ? cell.padStart(width) : cell.padEnd(width)
    })
    return `${padded.join("  ").trimEnd()}\n`
  }
}

const ROWS_TO_MEASURE = 200

/** Control characters from a peer's words must not reach the terminal. */
export const plain = (text: string): string =>
  [...text].map((letter) => (letter < " " || (letter >= "\u007f" && letter <= "\u009f") ? "�" : letter)).join("")

const cellText = (value: unknown): string => {
  if (value === undefined || value === null || value === "") return "-"
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.map(cellText).join(" ")
  return plain(typeof value === "object" ? JSON.stringify(value) : String(value))
}

const field = (title: string, member: string, right = false): Column => ({ title, cell: (row) => row[member], right })
const inside = (title: string, member: string, inner: string): Column => ({
  title,
  cell: (row) => (row[member] as Row | undefined)?.[inner],
  right: true
})

const nextHopText = (row: Row): unknown =>
  ((row["nextHops"] ?? []) as ReadonlyArray<Row>).map((hop) => {
    const weight = hop["weight"] === undefined || hop["weight"] === 1 ? "" : ` weight ${String(hop["weight"])}`
    return `${String(hop["address"] ?? "")}${hop["interface"] ? `%${String(hop["interface"])}` : ""}${weight}`
  })

/** The session's state, and what a reader should know before wondering. */
const stateText = (row: Row): string => {
  const remarks = [
    ...(row["dynamic"] === true ? ["dynamic"] : []),
    ...(row["enabled"] === false ? ["disabled"] : []),
    ...(row["restarting"] === true ? ["restarting"] : [])
  ]
  return `${String(row["state"])}${remarks.length === 0 ? "" : ` (${remarks.join(", ")})`}`
}

/** Columns of the answers that have rows. */
export const COLUMNS: Readonly<Record<string, ReadonlyArray<Column>>> = {
  peers: [
    field("PEER", "address"),
    field("AS", "asn", true),
    { title: "NAME", cell: (row) => (row["name"] === row["address"] ? "" : row["name"]) },
    { title: "STATE", cell: stateText },
    field("SINCE", "since"),
    inside("RECEIVED", "prefixes", "received"),
    inside("ACCEPTED", "prefixes", "accepted"),
    inside("ADVERTISED", "prefixes", "advertised"),
    field("LAST ERROR", "lastError")
  ],
  routes: [
    { title: "", cell: (row) => (row["best"] === true ? "*" : " ") },
    field("PREFIX", "prefix"),
    field("PEER", "peer"),
    field("NEXT HOP", "nextHop"),
    field("PREF", "localPref", true),
    field("MED", "med", true),
    field("AS PATH", "asPath"),
    field("ORIGIN", "origin"),
    field("COMMUNITIES", "communities"),
    field("WHY", "reason")
  ],
  fib: [
    field("PREFIX", "prefix"),
    field("SOURCE", "source"),
    field("PATHS", "pathList", true),
    { title: "NEXT HOPS", cell: nextHopText },
    field("KERNEL", "kernel")
  ],
  kernel: [
    field("KIND", "kind"),
    field("KEY", "key"),
    field("INDEX", "index", true),
    field("STATE", "state"),
    field("REFS", "references", true),
    field("WAITING FOR", "waitingFor"),
    field("ERROR", "error"),
    field("FLAGS", "flags")
  ]
}

/** An answer without rows, one member a line, what is inside indented. */
export const describe = (value: unknown, indent = ""): string => {
  if (Array.isArray(value) && value.every(isRecord))
    return value.map((item) => `${indent}-\n${describe(item, `${indent}  `)}`).join("")
  if (!isRecord(value)) return `${indent}${cellText(value)}\n`
  const members = Object.entries(value)
  const width = Math.max(0, ...members.filter(([, inner]) => !isNested(inner)).map(([name]) => name.length))
  return members
    .map(([name, inner]) =>
      isNested(inner)
        ? `${indent}${name}\n${describe(inner, `${indent}  `)}`
        : `${indent}${name.padEnd(width)}  ${cellText(inner)}\n`
    )
    .join("")
}

const isRecord = (value: unknown): value is Row => typeof value === "object" && value !== null && !Array.isArray(value)
const isNested = (value: unknown): boolean =>
  (isRecord(value) && Object.keys(value).length > 0) ||
  (Array.isArray(value) && value.length > 0 && value.every(isRecord))
