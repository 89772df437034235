// What two keys of the `fanout` section say together.
import { list, type Raw, type Report, record } from "./raw.ts"

export const checkFanout = (fanout: Raw, report: Report): void => {
  for (const side of ["serve", "follow"] as const) {
    const tls = record(record(fanout[side])["tls"])
    if (!("certificate" in tls)) continue
    // Any certificate of the authority would do, also a stranger's (§3.7).
    if (tls["common-name"] === undefined && tls["uri"] === undefined) {
      report(["fanout", side, "tls"], "say whom to trust: common-name, uri, or both (either is then enough)")
    }
  }
  const serve = record(fanout["serve"])
  if ("listen" in serve && Array.isArray(serve["listen"]) && list(serve["listen"]).length === 0) {
    report(["fanout", "serve", "listen"], "name at least one address with a port, or remove the section")
  }
}
