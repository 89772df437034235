// What a run has met: messages by verdict and fault, so that a run which only ever sees one kind of message shows.

export class Tally {
  readonly counts: Map<string, number> = new Map()
  readonly findings: Map<string, number> = new Map()

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  finding(attribute: number, reason: string): void {
    const what = attribute > 40 ? `other: ${reason}` : `${attribute}: ${reason}`
    this.findings.set(what, (this.findings.get(what) ?? 0) + 1)
  }

  /** Adds what another run has met, as it came from another thread. */
  add(counts: Iterable<readonly [string, number]>, findings: Iterable<readonly [string, number]>): void {
    for (const [what, times] of counts) this.counts.set(what, (this.counts.get(what) ?? 0) + times)
    for (const [what, times] of findings) this.findings.set(what, (this.findings.get(what) ?? 0) + times)
  }

  lines(): ReadonlyArray<string> {
    const table = [...this.counts].sort(([one], [other]) => (one < other ? -1 : 1))
    return table.map(([what, times]) => `  ${what.padEnd(28)} ${times}`)
  }
}
