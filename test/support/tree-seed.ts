// Which seed the properties of a run take: the one of BACKWALK_SEED, or for `npm test` one that the tree decides. So who rehearses a commit
// runs what everybody else will run on it, and the next commit looks elsewhere (ADR-0055).
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** BACKWALK_SEED, an integer of 32 bits; `undefined` without it. Anything else is an error: it would be another seed than the one meant. */
export const givenSeed = (text: string | undefined = process.env["BACKWALK_SEED"]): number | undefined => {
  if (text === undefined || text === "") return undefined
  const seed = Number(text)
  if (!Number.isInteger(seed) || seed !== (seed | 0)) throw new Error(`BACKWALK_SEED=${text} is no integer of 32 bits`)
  return seed
}

/** A number of 31 bits out of the paths and bytes of all files in these folders; dates, owners and the order of a listing do not count. */
export const treeSeed = (root: string, folders: ReadonlyArray<string> = ["src", "test"]): number => {
  const hash = createHash("sha256")
  for (const path of folders.flatMap((folder) => filesOf(root, folder)).sort()) {
    const bytes = readFileSync(join(root, path))
    // The length, so that no two trees are the same sequence of bytes.
    hash.update(`${path}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest().readUInt32BE() >>> 1
}

const filesOf = (root: string, folder: string): ReadonlyArray<string> =>
  readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
