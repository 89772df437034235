// Certificates for tests, made by openssl in a folder of their own: an authority, and what it signs.
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Signed {
  readonly certificate: string
  readonly key: string
}

export class Authority {
  readonly #folder = mkdtempSync(join(tmpdir(), "backwalk-certificates-"))
  readonly certificate = join(this.#folder, "ca.pem")
  #made = 0

  constructor(name: string) {
    const key = join(this.#folder, "ca.key")
    this.#openssl(
      "req",
      "-x509",
      ...NEW_KEY,
      "-keyout",
      key,
      "-out",
      this.certificate,
      "-subj",
      `/CN=${name}`,
      "-days",
      "2"
    )
  }

  /** `usage`: what the certificate may be shown for. */
  sign(usage: "client" | "server", commonName: string, uri = ""): Signed {
    const name = join(this.#folder, `signed-${++this.#made}`)
    const [certificate, key] = [`${name}.pem`, `${name}.key`]
    this.#openssl("req", "-new", ...NEW_KEY, "-keyout", key, "-out", `${name}.csr`, "-subj", `/CN=${commonName}`)
    writeFileSync(`${name}.ext`, `extendedKeyUsage=${usage}Auth\n${uri === "" ? "" : `subjectAltName=URI:${uri}\n`}`)
    const authority = ["-CA", this.certificate, "-CAkey", join(this.#folder, "ca.key"), "-CAcreateserial"]
    this.#openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      ...authority,
      "-out",
      certificate,
      "-days",
      "2",
      "-extfile",
      `${name}.ext`
    )
    return { certificate, key }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true })
  }

  #openssl(...args: ReadonlyArray<string>): void {
    execFileSync("openssl", args, { stdio: "ignore" })
  }
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
