// The step of `npm test` that evaluates flake.nix offline against a stub of nixpkgs (nix/stub), so that it cannot rot: the package, the
// shell, and the systemd unit of the NixOS module with its hardening. And the stub itself is tried with a flake that is wrong.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { executableOf, isAvailable } from "../support/available.ts"
import { counted, exec, lacking, ROOT, type Step } from "./step.ts"

export const flake: Step = {
  name: "flake",
  run: async () => {
    if (!isAvailable("nix")) return lacking("nix")
    const folder = mkdtempSync(join(tmpdir(), "backwalk-flake-"))
    try {
      const right = await check(folder, "right", {})
      return counted([
        [
          "the flake, its package, shell and NixOS unit evaluate",
          right.code === 0 ? undefined : right.output.slice(-3000)
        ],
        await refused(
          folder,
          "a misspelt attribute",
          "nix/package.nix",
          ["nodejs = nodejs_26;", "nodesj = nodejs_26;"],
          "argument 'nodejs'"
        ),
        await refused(
          folder,
          "a unit without its hardening",
          "nix/service.nix",
          ['ProtectSystem = "strict"', "ProtectSystem = false"],
          "ProtectSystem"
        ),
        await refused(
          folder,
          "a dependency without an archive",
          "nix/package.nix",
          ["resolved =", "reserved ="],
          "no archive for"
        )
      ])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

type Edit = readonly [from: string, to: string]

const refused = async (folder: string, what: string, file: string, edit: Edit, says: string) => {
  const ran = await check(folder, what.replaceAll(" ", "-"), { [file]: edit })
  const fault = ran.code === 0 ? "it evaluated" : ran.output.includes(says) ? undefined : ran.output.slice(-3000)
  return [`${what} is refused`, fault] as const
}

/** `nix flake check` over a copy of what the flake reads: outside git, so that nothing else is copied to the store. */
const check = (folder: string, name: string, edits: Readonly<Record<string, Edit>>) => {
  const copy = join(folder, name)
  mkdirSync(copy)
  for (const path of ["flake.nix", "nix", "package.json", "package-lock.json"]) {
    cpSync(join(ROOT, path), join(copy, path), { recursive: true })
  }
  for (const [path, [from, to]] of Object.entries(edits)) {
    const before = readFileSync(join(copy, path), "utf8")
    if (!before.includes(from)) throw new Error(`${path} does not contain "${from}"`)
    writeFileSync(join(copy, path), before.replace(from, to))
  }
  const features = ["--extra-experimental-features", "nix-command flakes", "--store", join(folder, "store")]
  const override = ["--override-input", "nixpkgs", `path:${join(copy, "nix/stub")}`]
  return exec(
    executableOf("nix"),
    [...features, "flake", "check", "--offline", "--no-build", "--no-write-lock-file", ...override, `path:${copy}`],
    { env: { HOME: folder }, timeoutMs: 180_000 }
  )
}
