// The answer to `show graph` as a tree for a terminal: an entry, the path-lists below it, their next hops, the links at the end, and in
// brackets what the kernel has for each.

type Node = Readonly<Record<string, unknown>>

interface Branch {
  readonly text: string
  readonly below: ReadonlyArray<Branch>
}

export const graphText = (answer: unknown): string => {
  if (!isNode(answer)) return ""
  const roots = isNode(answer["graph"]) ? [entryBranch(answer)] : wholeBranches(answer)
  return roots.map((root) => `${root.text}\n${drawn(root.below, "")}`).join("")
}

const drawn = (branches: ReadonlyArray<Branch>, indent: string): string =>
  branches
    .map(({ text, below }, index) => {
      const isLast = index === branches.length - 1
      return `${indent}${isLast ? "└─ " : "├─ "}${text}\n${drawn(below, `${indent}${isLast ? "   " : "│  "}`)}`
    })
    .join("")

const entryBranch = (answer: Node): Branch => {
  const route = answer["route"]
  const by = isNode(route) && route["group"] !== 0 ? ` by ${route["group"]}` : ""
  const kernel = isNode(route) && route["state"] !== "INIT" ? ` [route${by} ${route["state"]}]` : ""
  const others = nodes(answer["sources"]).slice(1)
  const instead = others.length === 0 ? "" : `, then ${others.map((source) => source["source"]).join(", ")}`
  return {
    text: `${answer["prefix"]} ${answer["source"]}${instead}${kernel}`,
    below: [listBranch(answer["graph"] as Node)]
  }
}

const wholeBranches = (answer: Node): ReadonlyArray<Branch> => [
  ...nodes(answer["pathLists"]).map(listBranch),
  ...nodes(answer["interfaces"]).map((link) => ({
    text: `interface ${link["interface"]}${link["up"] === true ? "" : " down"}`,
    below: nodes(link["neighbours"]).map((neighbour) => ({ text: neighbourText(neighbour), below: [] }))
  }))
]

const listBranch = (list: Node): Branch => {
  const words = [`path-list ${list["pathList"]} ${list["kind"]}`]
  if (list["usable"] === false && list["kind"] === "recursive") words.push("unusable")
  if (typeof list["metric"] === "number" && list["metric"] > 0) words.push(`metric ${list["metric"]}`)
  if (isNode(list["entries"]))
    words.push(`entries ${Number(list["entries"]["ipv4"]) + Number(list["entries"]["ipv6"])}`)
  if (isNode(list["kernel"])) {
    const { index, state, members } = list["kernel"]
    words.push(`[group ${index} ${state}: ${texts(members).join(", ") || "nothing"}]`)
  }
  const below: Array<Branch> = nodes(list["paths"]).map(pathBranch)
  if (typeof list["interface"] === "string") below.push({ text: `dev ${list["interface"]}`, below: [] })
  const reserve = texts(list["reserve"])
  if (reserve.length > 0) below.push({ text: `in reserve: ${reserve.join(", ")}`, below: [] })
  return { text: words.join(" "), below }
}

const pathBranch = (path: Node): Branch => {
  const words = [String(path["nextHop"] ?? "directly")]
  if (path["covering"] !== undefined) words.push(`by ${path["covering"]}`)
  if (path["weight"] !== 1) words.push(`weight ${path["weight"]}`)
  if (path["preference"] !== 0 && path["preference"] !== undefined) words.push(`preference ${path["preference"]}`)
  if (path["constraint"] !== undefined) words.push(`only via ${path["constraint"]}`)
  if (Array.isArray(path["labels"])) words.push(`label ${path["labels"].join("/")}`)
  const why = REASONS.filter(([key]) => path[key] === true).map(([, text]) => text)
  if (path["usable"] === false) words.push(`(unusable${why.length === 0 ? "" : `: ${why.join(", ")}`})`)
  else if (path["used"] === false) words.push("(in reserve)")
  const below: Array<Branch> = []
  if (isNode(path["via"])) below.push(listBranch(path["via"]))
  if (isNode(path["neighbour"])) below.push({ text: neighbourText(path["neighbour"]), below: [] })
  return { text: words.join(" "), below }
}

const REASONS = [
  ["looped", "leads back here"],
  ["sessionDown", "its session is down"],
  ["linkRemoved", "its link was removed"]
] as const

const neighbourText = (neighbour: Node): string => {
  const address = neighbour["address"] === null ? "" : `${neighbour["address"]} `
  const kernel = neighbour["kernel"]
  const there = isNode(kernel) ? ` [nexthop ${kernel["index"]} ${kernel["state"]}]` : ""
  return `${address}dev ${neighbour["interface"]}${neighbour["up"] === true ? "" : " down"}${there}`
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value)
const nodes = (value: unknown): ReadonlyArray<Node> => (Array.isArray(value) ? value.filter(isNode) : [])
const texts = (value: unknown): ReadonlyArray<string> => (Array.isArray(value) ? value.map(String) : [])
