// The captured cases that are short enough to live here; `npm run vectors -- gob FILE` takes the others.
import { describe, expect, it } from "vitest"
import { checkGob } from "../vectors/gob.ts"
import { CAPTURED } from "./captured.ts"

const groups = [...new Set(CAPTURED.map(({ group }) => group))]

describe("what Go wrote, and what Go refuses", () => {
  for (const group of groups) {
    it(`agrees in all cases of the group ${group}`, () => {
      const own = CAPTURED.filter((row) => row.group === group)
      expect(own.length).toBeGreaterThan(0)
      expect(own.flatMap((row) => checkGob(row).problems.map((problem) => `${row.name}: ${problem}`))).toEqual([])
    })
  }

  it("would find a case that is not met", () => {
    const met = CAPTURED.filter(
      (row) => row.json !== undefined && row.group !== "cross" && row.group !== "snappy-session"
    )
    for (const row of met) expect(checkGob({ ...row, json: { other: 1 } }).problems, row.name).not.toEqual([])
    const refused = CAPTURED.find((row) => row.name === "malformed/unknown-type-id")!
    expect(checkGob({ ...refused, hex: "03020001", target: "bool" }).problems).not.toEqual([])
  })
})
