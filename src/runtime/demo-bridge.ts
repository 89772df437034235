// Out of a network namespace no TCP port is reachable from outside, but a unix socket is: it has a path. Two bridges carry the looking
// glass over it, so that whoever asks still speaks to it as an HTTP server on loopback, with the checks that belong to that.
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from "node:net"
import { Effect, type Scope } from "effect"

/** The looking glass' usual port. */
const PORT = 8179

/** Outside: loopback TCP to the unix socket. Gives the address to type into a browser. */
export const bridgeFromTcp = (path: string): Effect.Effect<string, never, Scope.Scope> =>
  bridge({ path }).pipe(
    Effect.flatMap((server) =>
      Effect.callback<string>((resume) => {
        const done = (): void => {
          const bound = server.address()
          const port = typeof bound === "object" && bound !== null ? bound.port : 0
          resume(Effect.succeed(`http://127.0.0.1:${port}/`))
        }
        server.once("error", () => server.listen(0, "127.0.0.1", done))
        server.listen(PORT, "127.0.0.1", done)
      })
    )
  )

/** Inside: the unix socket to the looking glass. */
export const bridgeToTcp = (path: string, url: string): Effect.Effect<void, never, Scope.Scope> =>
  bridge({ host: "127.0.0.1", port: Number(new URL(url).port) }).pipe(
    Effect.flatMap((server) => Effect.callback<void>((resume) => void server.listen(path, () => resume(Effect.void))))
  )

const bridge = (target: NetConnectOpts): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const sockets = new Set<Socket>()
      const server = createServer((near) => {
        const far = connect(target)
        for (const [one, other] of [
          [near, far],
          [far, near]
        ]) {
          sockets.add(one)
          one.on("error", () => other.destroy())
          one.once("close", () => {
            sockets.delete(one)
            other.destroy()
          })
          one.pipe(other)
        }
      })
      return { server, sockets }
    }),
    ({ server, sockets }) =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  ).pipe(Effect.map(({ server }) => server))
