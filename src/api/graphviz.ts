// The answer to `show graph` as Graphviz text: the prefix, the path-lists below it, next hops on the edges, interfaces at the bottom. A
// path-list that is reached in two ways is drawn once.

type Json = Readonly<Record<string, unknown>>

export const toGraphviz = (answer: Json): string => {
  const lines = new Set<string>()
  const root = `prefix ${String(answer["prefix"])}`
  lines.add(node(root, String(answer["prefix"]), "shape=box, style=bold"))
  if (isJson(answer["graph"])) lines.add(edge(root, drawList(answer["graph"], lines), ""))
  return `digraph forwarding {\n  rankdir=LR\n${[...lines].map((line) => `  ${line}\n`).join("")}}\n`
}

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

/** Draws a path-list and what is below it; gives its name. */
const drawList = (list: Json, lines: Set<string>): string => {
  const name = `path-list ${String(list["pathList"])}`
  const style = list["usable"] === false ? "style=dashed, color=red" : "style=solid"
  lines.add(
    node(
      name,
      [`${String(list["kind"])} ${String(list["pathList"])}`, kernelText(list["kernel"])].join("\n").trim(),
      style
    )
  )
  if (typeof list["interface"] === "string") lines.add(edge(name, drawInterface(list["interface"], lines), ""))
  for (const path of Array.isArray(list["paths"]) ? list["paths"].filter(isJson) : []) {
    const label = `${String(path["nextHop"])}${path["weight"] === 1 ? "" : ` weight ${String(path["weight"])}`}`
    if (typeof path["interface"] === "string") lines.add(edge(name, drawInterface(path["interface"], lines), label))
    else if (isJson(path["via"])) lines.add(edge(name, drawList(path["via"], lines), label))
    else lines.add(edge(name, drawDeadEnd(path, lines), label))
  }
  return name
}

const kernelText = (kernel: unknown): string =>
  isJson(kernel) ? `kernel ${String(kernel["index"])} ${String(kernel["state"])}` : ""

const drawInterface = (name: string, lines: Set<string>): string => {
  lines.add(node(`interface ${name}`, name, "shape=plaintext"))
  return `interface ${name}`
}

/** A next hop that nothing covers, or that would lead back to where it came from. */
const drawDeadEnd = (path: Json, lines: Set<string>): string => {
  const name = path["looped"] === true ? "loop" : "unresolved"
  lines.add(node(name, name, "shape=plaintext, fontcolor=red"))
  return name
}

const node = (name: string, label: string, style: string): string =>
  `${quoted(name)} [label=${quoted(label)}, ${style}]`
const edge = (from: string, to: string, label: string): string =>
  `${quoted(from)} -> ${quoted(to)}${label === "" ? "" : ` [label=${quoted(label)}]`}`
const quoted = (text: string): string =>
  `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`
