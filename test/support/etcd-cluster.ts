// A cluster of etcd members on loopback, at ports of their own, with their data in a temporary folder. Members can be stopped and continued,
// so that a cluster loses its leader or its majority.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { executableOf } from "./available.ts"

export class EtcdCluster {
  readonly endpoints: ReadonlyArray<string>
  readonly #folder: string
  readonly #members: Array<ChildProcess>

  private constructor(folder: string, members: Array<ChildProcess>, endpoints: ReadonlyArray<string>) {
    this.#folder = folder
    this.#members = members
    this.endpoints = endpoints
  }

  /** Resolves when every member answers and there is a leader. */
  static async start(size: number): Promise<EtcdCluster> {
    const folder = mkdtempSync(join(tmpdir(), "backwalk-etcd-"))
    const ports = await freePorts(size * 2)
    const clients = ports.slice(0, size).map((port) => `http://127.0.0.1:${port}`)
    const peers = ports.slice(size).map((port) => `http://127.0.0.1:${port}`)
    const members = clients.map((client, index) =>
      spawn(
        executableOf("etcd"),
        [
          ...["--name", `member${index}`, "--data-dir", join(folder, `${index}`)],
          ...["--listen-client-urls", client, "--advertise-client-urls", client],
          ...["--listen-peer-urls", peers[index], "--initial-advertise-peer-urls", peers[index]],
          ...["--initial-cluster", peers.map((peer, at) => `member${at}=${peer}`).join(",")],
          ...["--logger", "zap", "--log-level", "error", "--heartbeat-interval", "50", "--election-timeout", "500"]
        ],
        { stdio: "ignore" }
      )
    )
    const cluster = new EtcdCluster(folder, members, clients)
    for (const endpoint of clients) {
      while ((await cluster.status(endpoint))?.leader === undefined) await rest()
    }
    return cluster
  }

  /** Index of the leader. */
  async leader(): Promise<number> {
    for (;;) {
      for (const [index, endpoint] of this.endpoints.entries()) {
        const status = await this.status(endpoint)
        if (status?.leader !== undefined && status.leader === status.header.member_id) return index
      }
      await rest()
    }
  }

  async revision(): Promise<number> {
    return Number((await this.status(this.endpoints[0]))?.header.revision)
  }

  async compact(revision: number): Promise<void> {
    await this.ask(this.endpoints[0], "/v3/kv/compaction", { revision: String(revision), physical: true })
  }

  put(key: string, value: string): Promise<unknown> {
    return this.ask(this.endpoints[0], "/v3/kv/put", { key: btoa(key), value: btoa(value) })
  }

  remove(key: string): Promise<unknown> {
    return this.ask(this.endpoints[0], "/v3/kv/deleterange", { key: btoa(key) })
  }

  /** Everything under a prefix, as text. */
  async keys(prefix: string): Promise<Record<string, string>> {
    const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
    const answer = (await this.ask(this.endpoints[0], "/v3/kv/range", { key: btoa(prefix), range_end: btoa(end) })) as {
      readonly kvs?: ReadonlyArray<{ readonly key: string; readonly value?: string }>
    }
    return Object.fromEntries((answer.kvs ?? []).map(({ key, value }) => [atob(key), atob(value ?? "")]))
  }

  pause(member: number): void {
    this.#members[member].kill("SIGSTOP")
  }

  resume(member: number): void {
    this.#members[member].kill("SIGCONT")
  }

  async stop(): Promise<void> {
    for (const member of this.#members) {
      if (member.exitCode !== null || member.signalCode !== null) continue
      member.kill("SIGKILL")
      await once(member, "exit")
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  private async status(endpoint: string): Promise<Status | undefined> {
    try {
      return (await this.ask(endpoint, "/v3/maintenance/status", {})) as Status
    } catch {
      return undefined
    }
  }

  private async ask(endpoint: string, path: string, body: unknown): Promise<unknown> {
    const answer = await fetch(endpoint + path, {
      method: "POST",
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS)
    })
    return answer.json()
  }
}

interface Status {
  readonly header: { readonly member_id: string; readonly revision: string }
  /** Absent while there is none. */
  readonly leader?: string
}

const ANSWER_MS = 2000

/** Between two looks at something that another process does. */
const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 25))

const freePorts = async (count: number): Promise<ReadonlyArray<number>> => {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    })
  )
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port)
  for (const server of servers) server.close()
  return ports
}
