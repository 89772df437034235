// The answer to `show graph` as Graphviz text: the prefix, the path-lists below it, next hops on the edges, neighbours and interfaces at
// the bottom, and in each node what the kernel has for it. A path-list that is reached in two ways is drawn once.

type Json = Readonly<Record<string, unknown>>

export const toGraphviz = (answer: Json): string => {
  const lines = new Set<string>()
  if (isJson(answer["graph"])) {
    const root = `prefix ${String(answer["prefix"])}`
    const label = [String(answer["prefix"]), routeText(answer["route"])].join("\n").trim()
    lines.add(node(root, label, "shape=box, style=bold"))
    lines.add(edge(root, drawList(answer["graph"], lines), ""))
  }
  for (const list of arrayOf(answer["pathLists"])) drawList(list, lines)
  for (const link of arrayOf(answer["interfaces"])) drawInterface(String(link["interface"]), lines)
  return `digraph forwarding {\n  rankdir=LR\n${[...lines].map((line) => `  ${line}\n`).join("")}}\n`
}

const arrayOf = (value: unknown): ReadonlyArray<Json> => (Array.isArray(value) ? value.filter(isJson) : [])

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

/** Draws a path-list and what is below it; gives its name. */
const drawList = (list: Json, lines: Set<string>): string => {
  const name = `path-list ${String(list["pathList"])}`
  // Named only: it is drawn elsewhere.
  if (list["usable"] === undefined) return name
  const style = list["usable"] === false ? "style=dashed, color=red" : "style=solid"
  lines.add(
    node(
      name,
      [`${String(list["kind"])} ${String(list["pathList"])}`, kernelText(list["kernel"])].join("\n").trim(),
      style
    )
  )
  if (typeof list["interface"] === "string") lines.add(edge(name, drawInterface(list["interface"], lines), ""))
  for (const path of arrayOf(list["paths"])) {
    const label = pathLabel(path)
    if (isJson(path["neighbour"])) lines.add(edge(name, drawNeighbour(path["neighbour"], lines), label, dashed(path)))
    else if (typeof path["interface"] === "string")
      lines.add(edge(name, drawInterface(path["interface"], lines), label))
    else if (isJson(path["via"])) lines.add(edge(name, drawList(path["via"], lines), label, dashed(path)))
    else lines.add(edge(name, drawDeadEnd(path, lines), label))
  }
  return name
}

const pathLabel = (path: Json): string => {
  const weight = path["weight"] === 1 ? "" : ` weight ${String(path["weight"])}`
  const { preference, constraint } = path
  const preferred = preference === undefined || preference === 0 ? "" : ` preference ${String(preference)}`
  const asked = constraint === undefined ? "" : ` via ${String(constraint)}`
  return `${String(path["nextHop"] ?? "directly")}${weight}${preferred}${asked}`
}

/** A path that no packet takes. */
const dashed = (path: Json): string => (path["used"] === false ? "style=dashed" : "")

const drawNeighbour = (neighbour: Json, lines: Set<string>): string => {
  const link = String(neighbour["interface"])
  if (neighbour["address"] === null) return drawInterface(link, lines)
  const address = String(neighbour["address"])
  const name = `neighbour ${address} ${link}`
  const style = neighbour["up"] === false ? "shape=ellipse, style=dashed, color=red" : "shape=ellipse"
  lines.add(node(name, [address, kernelText(neighbour["kernel"])].join("\n").trim(), style))
  lines.add(edge(name, drawInterface(link, lines), ""))
  return name
}

const routeText = (route: unknown): string =>
  isJson(route) && route["group"] !== 0 ? `kernel by ${String(route["group"])} ${String(route["state"])}` : ""

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
const edge = (from: string, to: string, label: string, style = ""): string => {
  const about = [label === "" ? "" : `label=${quoted(label)}`, style].filter((text) => text !== "").join(", ")
  return `${quoted(from)} -> ${quoted(to)}${about === "" ? "" : ` [${about}]`}`
}
const quoted = (text: string): string =>
  `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`
