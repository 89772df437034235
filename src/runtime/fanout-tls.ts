// TLS between hubs and followers (§3.7): both show a certificate of the same authority for their own purpose, and a common name or a URI
// that the other expects; host names are not looked at. Where both are configured either is enough. The handshake is the connection's own
// business, with a deadline of its own: it never holds up who else connects.
import type { Socket } from "node:net"
import { connect, type PeerCertificate, type SecureContext, TLSSocket } from "node:tls"

export interface FanoutTls {
  readonly context: SecureContext
  /** What the other side's certificate must say; empty: anything. */
  readonly commonName: string
  readonly uri: string
}

export const connectTls = (plain: Socket, tls: FanoutTls): TLSSocket => {
  // The chain is checked by `rejectUnauthorized`; the name by us.
  const secure = connect({
    socket: plain,
    secureContext: tls.context,
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => identityProblem(certificate, tls)
  })
  return secure
}

/** The hub's side of a connection that was accepted. `onSecure` is called once who connected has shown who it is. */
export const acceptTls = (
  plain: Socket,
  tls: FanoutTls,
  onSecure: () => void,
  onRefused: (reason: string) => void
): TLSSocket => {
  const secure = new TLSSocket(plain, {
    isServer: true,
    secureContext: tls.context,
    requestCert: true,
    // Refused by us, so that we can say why.
    rejectUnauthorized: false
  })
  secure.once("secure", () => {
    const { authorizationError } = secure as { readonly authorizationError?: unknown }
    const verify =
      (secure as unknown as { ssl?: { verifyError(): Error | null } }).ssl?.verifyError() ?? authorizationError
    const certificate = secure.getPeerCertificate()
    if (verify !== null && verify !== undefined) onRefused(`its certificate: ${(verify as Error).message ?? verify}`)
    else {
      const problem = identityProblem(certificate, tls)
      if (problem === undefined) onSecure()
      else onRefused(problem.message)
    }
  })
  return secure
}

const identityProblem = (certificate: PeerCertificate, { commonName, uri }: FanoutTls): Error | undefined => {
  if (commonName === "" && uri === "") return undefined
  if (commonName !== "" && certificate.subject?.CN === commonName) return undefined
  if (uri !== "" && urisOf(certificate).includes(uri)) return undefined
  const wanted = [commonName === "" ? "" : `common name ${commonName}`, uri === "" ? "" : `URI ${uri}`]
  return new Error(`the certificate lacks the ${wanted.filter((part) => part !== "").join(" or the ")}`)
}

/** `URI:spiffe://…, DNS:…`; a name with a comma inside is quoted. */
const urisOf = ({ subjectaltname }: PeerCertificate): ReadonlyArray<string> =>
  (subjectaltname?.match(/"(?:[^"\\]|\\.)*"|[^,]+/g) ?? []).flatMap((part) => {
    const text = part.trim()
    if (text.startsWith("URI:")) return [text.slice(4).replace(/^"(.*)"$/, "$1")]
    return []
  })
