// The looking glass: one small page without anything from outside, over the same interface that programs use. Text from peers reaches
// the page only as text nodes, never as markup.

export const LOOKING_GLASS_HTML = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Backwalk looking glass</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
  body { margin: 0 auto; max-width: 72rem; padding: 1rem }
  h1 { font-size: 1.3rem; margin: 0 0 .2rem } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
  th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top }
  th { font-weight: 600; opacity: .7 }
  input { font: inherit; padding: .3rem .5rem; min-width: 18rem } button { font: inherit; padding: .3rem .8rem }
  .up { color: #178a3b } .down { color: #c33 } .best { font-weight: 600 } .quiet { opacity: .65 }
  pre { max-height: 20rem; overflow: auto; margin: 0; font-size: .85rem; white-space: pre-wrap }
</style>
<h1>Backwalk</h1>
<p class="quiet" id="health">…</p>
<h2>Peers</h2>
<table><thead><tr><th>Peer<th>AS<th>Type<th>State<th>Received<th>Accepted<th>Advertised<th>Last error</thead><tbody id="peers"></tbody></table>
<h2>Routes</h2>
<form id="lookup"><input id="query" placeholder="192.0.2.0/24 or 192.0.2.7" aria-label="prefix or address"> <button>Look up</button></form>
<p class="quiet" id="note"></p>
<table><thead><tr><th>Prefix<th>Peer<th>Next hop<th>AS path<th>Pref<th>MED<th>Communities<th>Why</thead><tbody id="routes"></tbody></table>
<h2>Forwarding</h2>
<pre id="fib"></pre>
<h2>Events</h2>
<pre id="events"></pre>
<script type="module">
const $ = (id) => document.getElementById(id)
const cell = (row, text, className) => {
  const td = row.insertCell()
  td.textContent = text ?? ""
  if (className) td.className = className
}
const lines = async (path) => {
  const response = await fetch(path)
  const text = await response.text()
  if (!response.ok) throw new Error(JSON.parse(text).error)
  return text.split("\\n").filter(Boolean).map((line) => JSON.parse(line))
}
const refresh = async () => {
  try {
    const health = await (await fetch("/v1/health")).json()
    $("health").textContent = Object.entries(health).filter(([, v]) => typeof v !== "object").map(([k, v]) => k + " " + v).join(" · ")
    const rows = document.createDocumentFragment()
    for (const peer of await (await fetch("/v1/peers")).json()) {
      const row = document.createElement("tr")
      cell(row, peer.name && peer.name !== peer.address ? peer.address + " " + peer.name : peer.address)
      cell(row, peer.asn)
      cell(row, peer.type)
      cell(row, peer.state, peer.state === "Established" ? "up" : "down")
      for (const kind of ["received", "accepted", "advertised"]) cell(row, peer.prefixes?.[kind])
      cell(row, typeof peer.lastError === "object" && peer.lastError ? JSON.stringify(peer.lastError) : peer.lastError, "quiet")
      rows.append(row)
    }
    $("peers").replaceChildren(rows)
  } catch (error) {
    $("health").textContent = "the daemon does not answer: " + error.message
  }
}
const lookup = async (text) => {
  $("routes").replaceChildren()
  $("fib").textContent = ""
  $("note").textContent = ""
  try {
    let prefix = text
    if (!text.includes("/")) {
      const entries = await lines("/v1/fib?lookup=" + encodeURIComponent(text))
      $("fib").textContent = entries.map((entry) => JSON.stringify(entry, null, 2)).join("\\n")
      prefix = entries[0]?.prefix
      if (!prefix) throw new Error("no route to " + text)
    } else {
      const entries = await lines("/v1/fib?prefix=" + encodeURIComponent(text)).catch(() => [])
      $("fib").textContent = entries.map((entry) => JSON.stringify(entry, null, 2)).join("\\n")
    }
    for (const route of await lines("/v1/routes?prefix=" + encodeURIComponent(prefix))) {
      const row = $("routes").insertRow()
      if (route.best) row.className = "best"
      for (const text of [route.prefix, route.peer, route.nextHop, route.asPath, route.localPref, route.med]) cell(row, text)
      cell(row, [...(route.communities ?? []), ...(route.largeCommunities ?? [])].join(" "))
      cell(row, route.reason, "quiet")
    }
    if (!$("routes").rows.length) $("note").textContent = "no route for " + prefix
  } catch (error) {
    $("note").textContent = error.message
  }
}
$("lookup").addEventListener("submit", (event) => {
  event.preventDefault()
  const text = $("query").value.trim()
  location.hash = text
  if (text) lookup(text)
})
if (location.hash.length > 1) {
  $("query").value = decodeURIComponent(location.hash.slice(1))
  lookup($("query").value)
}
const recent = []
new EventSource("/v1/events").onmessage = (event) => {
  recent.unshift(new Date().toLocaleTimeString() + "  " + event.data)
  recent.length = Math.min(recent.length, 200)
  $("events").textContent = recent.join("\\n")
}
refresh()
setInterval(refresh, 2000)
</script>
</html>
`
