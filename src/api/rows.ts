// Tables as NDJSON with bounded memory: rows are drawn from the router's iterator a slice at a time, each slice leaves for the socket
// before the next is drawn, and between slices the daemon serves its peers. A reader that goes away ends the iterator.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** A slice ends at whichever comes first: a millisecond or so of work, or a buffer's worth of text. */
const SLICE_ROWS = 256
const SLICE_CHARACTERS = 64 * 1024

export const ndjson = (rows: Iterable<unknown>): Stream.Stream<Uint8Array> =>
  Stream.suspend(() => {
    const iterator = rows[Symbol.iterator]()
    const encoder = new TextEncoder()
    let ended = false
    const slice = Effect.sync((): readonly [Uint8Array, null] | undefined => {
      let text = ""
      for (let row = 0; row < SLICE_ROWS && text.length < SLICE_CHARACTERS && !ended; row++) {
        const next = iterator.next()
        if (next.done === true) ended = true
        else text += `${JSON.stringify(next.value)}\n`
      }
      return text === "" ? undefined : [encoder.encode(text), null]
    })
    const step = Effect.andThen(Effect.yieldNow, slice)
    return Stream.unfold(null, () => step).pipe(
      Stream.ensuring(
        Effect.sync(() => {
          if (!ended) iterator.return?.()
        })
      )
    )
  })
