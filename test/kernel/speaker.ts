// A BGP speaker as a process of its own, to be run inside a namespace: waits at an address, plays a part of a made-up table whenever
// somebody connects, and says on standard output at which port. Arguments: ADDRESS, ASN, FROM, TO (prefixes of the table), SEED of the
// paths, NEXT-HOP…
import { Effect } from "effect"
import { startSpeaker } from "../../src/runtime/demo-speaker.ts"
import { demoPrefixes, demoTable } from "../../src/runtime/demo-table.ts"
import { parseAddress } from "../../src/wire/index.ts"

/** For whoever starts it as a process. */
export const SPEAKER: string = import.meta.filename

const speak = async ([address, asn, from, to, seed, ...nextHops]: ReadonlyArray<string>): Promise<void> => {
  const table = demoTable(demoPrefixes(Number(to), 7).slice(Number(from)), {
    asn: Number(asn),
    nextHops: nextHops.map((text) => parseAddress(text)!.words[0]),
    seed: Number(seed)
  })
  const id = parseAddress(address)!.words[0]

  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const port = yield* startSpeaker({ address, asn: Number(asn), id, table })
        console.log(`port ${port}`)
        return yield* Effect.never
      })
    )
  )
}

if (import.meta.main) await speak(process.argv.slice(2))
