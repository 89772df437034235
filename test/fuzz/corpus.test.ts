// Everything in corpus/ again, for ever: captures of other daemons and whatever once broke a law, under every context of the decoder and
// in every setting of a live session.
import { describe, expect, it } from "vitest"
import { readCorpus } from "./corpus.ts"
import { breaks } from "./decoder.ts"
import { CONTEXTS, REAL_DECODER } from "./decoder-round.ts"
import { breaksLaw } from "./live.ts"
import type { Phase } from "./live-oracle.ts"
import { SETTINGS } from "./live-settings.ts"

const PHASES: ReadonlyArray<Phase> = ["OpenSent", "OpenConfirm", "Established"]

describe.each(readCorpus())("$name", ({ messages }) => {
  it("is decoded under every law in every context", () => {
    for (const message of messages) {
      for (const context of CONTEXTS) expect(breaks(REAL_DECODER, message, context)).toBeUndefined()
    }
  })

  it("leaves nothing behind in any session, message by message and at once", () => {
    for (const setting of SETTINGS) {
      const singly = messages.flatMap((message) =>
        PHASES.map((phase) => ({ phase, chunks: [message], together: true }))
      )
      expect(breaksLaw(setting, singly)).toBeUndefined()
      expect(breaksLaw(setting, [{ phase: "Established", chunks: messages, together: false }])).toBeUndefined()
    }
  })
})
