// The server's metrics under the names that Typha gave them (§3.8), so that dashboards and alerts made for it keep working.
import { Metric, type ServeState } from "../fanout/index.ts"

const SAMPLES_KEPT = 1024
const MICROS = 1_000_000

interface Summary {
  readonly name: string
  /** What a sample is divided by. */
  readonly unit: number
  count: number
  sum: number
  readonly recent: Float64Array
}

const summary = (name: string, unit: number): Summary => ({
  name,
  unit,
  count: 0,
  sum: 0,
  recent: new Float64Array(SAMPLES_KEPT)
})

export class FanoutMetrics {
  readonly #summaries: ReadonlyMap<number, Summary> = new Map([
    [Metric.SnapshotSend, summary("typha_client_snapshot_send_secs", MICROS)],
    [Metric.ClientLatency, summary("typha_client_latency_secs", MICROS)],
    [Metric.WriteLatency, summary("typha_client_write_latency_secs", MICROS)],
    [Metric.NextCrumbLatency, summary("typha_next_breadcrumb_latency_secs", MICROS)],
    // In seconds, whatever the name says.
    [Metric.PingLatency, summary("typha_ping_latency", MICROS)],
    [Metric.UpdatesPerMessage, summary("typha_kvs_per_msg", 1)],
    [Metric.CrumbSize, summary("typha_breadcrumb_size", 1)]
  ])
  /** Lines of the log: those that came too fast, and those that could not be written. */
  readonly logs = { dropped: 0, errors: 0 }
  #rawBytes = 0
  #compressedBytes = 0

  observe(metric: number, value: number): void {
    const found = this.#summaries.get(metric)
    if (found === undefined) return
    found.recent[found.count++ % SAMPLES_KEPT] = value
    found.sum += value
  }

  compressed(rawBytes: number, compressedBytes: number): void {
    this.#rawBytes += rawBytes
    this.#compressedBytes += compressedBytes
  }

  /** Of the last samples, in the sample's own unit; 0 where there is none. */
  quantile(metric: number, quantile: number): number {
    const found = this.#summaries.get(metric)
    return found === undefined ? 0 : quantileOf(sorted(found), quantile) / found.unit
  }

  prometheus(state: ServeState): string {
    const { cache, clients, counters } = state
    const streaming = [...clients.values()].filter(({ phase }) => phase === "Streaming").length
    const lines: Array<string> = []
    const one = (type: "counter" | "gauge", name: string, value: number): void => {
      lines.push(`# TYPE ${name} ${type}`, `${name} ${value}`)
    }
    one("counter", "typha_connections_accepted", counters.accepted)
    one("counter", "typha_connections_dropped", counters.dropped)
    one("counter", "typha_connections_grace_used", counters.graceUsed)
    one("counter", "typha_breadcrumb_non_block", counters.crumbsAtOnce)
    one("counter", "typha_breadcrumb_block", counters.crumbsWaited)
    one("counter", "typha_updates_total", cache.counters.updates)
    one("counter", "typha_updates_skipped", cache.counters.skipped)
    one("counter", "typha_snapshots_generated", cache.counters.snapshotsMade)
    one("counter", "typha_snapshots_reused", cache.counters.snapshotsReused)
    one("counter", "typha_logs_dropped", this.logs.dropped)
    one("counter", "typha_log_errors", this.logs.errors)
    one("gauge", "typha_snapshot_raw_bytes", this.#rawBytes)
    one("gauge", "typha_snapshot_compressed_bytes", this.#compressedBytes)
    one("gauge", "typha_connections_active", clients.size)
    one("gauge", "typha_connections_streaming", streaming)
    one("gauge", "typha_breadcrumb_seq_number", cache.newest.sequence)
    one("gauge", "typha_cache_size", cache.entries.size)
    for (const each of this.#summaries.values()) lines.push(...summaryLines(each))
    return `${lines.join("\n")}\n`
  }
}

const sorted = ({ recent, count }: Summary): Float64Array => recent.slice(0, Math.min(count, SAMPLES_KEPT)).sort()

const quantileOf = (samples: Float64Array, quantile: number): number =>
  samples.length === 0 ? 0 : samples[Math.min(samples.length - 1, Math.floor(samples.length * quantile))]

const summaryLines = (each: Summary): ReadonlyArray<string> => {
  const samples = sorted(each)
  const quantiles = samples.length === 0 ? [] : [0.5, 0.9, 0.99]
  return [
    `# TYPE ${each.name} summary`,
    ...quantiles.map((q) => `${each.name}{quantile="${q}"} ${quantileOf(samples, q) / each.unit}`),
    `${each.name}_sum ${each.sum / each.unit}`,
    `${each.name}_count ${each.count}`
  ]
}
