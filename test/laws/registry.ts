// Every machine of the program, with states to begin with and events to meet. A machine or a reducer that a room exports and that is
// not named here is found by test/tidy.test.ts.
import fc from "fast-check"
import {
  createFollow,
  createServe,
  createSnapshotCache,
  createStorePublish,
  createStoreWatch,
  FOLLOW_DEFAULTS,
  followMachine,
  reduceStorePublish,
  reduceStoreWatch,
  SERVE_DEFAULTS,
  serveMachine,
  snapshotCache
} from "../../src/fanout/index.ts"
import { noWalks, reduceWalks } from "../../src/fib/index.ts"
import { reduceEntry } from "../../src/ksync/index.ts"
import { createModelKernel, modelKernel } from "../../src/netlink/index.ts"
import { router } from "../../src/router/index.ts"
import { createConnection, createPeer, reduceConnection, reducePeer, sessionMachine } from "../../src/session/index.ts"
import { arbitraryStorePublishEvent, arbitraryStoreWatchEvent } from "../../src/testing/fanout.ts"
import { arbitraryCacheEvent, arbitraryFollowEvent, arbitraryServeEvent } from "../../src/testing/fanout-machines.ts"
import { arbitraryEntry, arbitraryEntryInput, arbitraryWalksEvent } from "../../src/testing/forwarding.ts"
import { arbitraryKernelEvent } from "../../src/testing/kernel-events.ts"
import {
  arbitraryConnectionEvent,
  arbitraryPeerEvent,
  arbitraryPeerSettings,
  FIRST_CONN
} from "../../src/testing/peer-events.ts"
import { arbitraryRouterBatch, createConfiguredRouter } from "../../src/testing/router-batches.ts"
import { type Registered, register, registerReducer } from "./purity.ts"
import { tallyRegistration } from "./tally.ts"

const peer = fc
  .tuple(arbitraryPeerSettings, fc.nat())
  .map(([settings, seed]) => createPeer(settings, { firstConn: FIRST_CONN, seed }))

export const registry: ReadonlyArray<Registered> = [
  register(tallyRegistration),
  register({
    machine: modelKernel,
    initial: fc.boolean().map((pushesLabels) => () => createModelKernel({ pushesLabels })),
    event: arbitraryKernelEvent
  }),
  register({
    machine: router,
    initial: fc.nat().map((seed) => () => createConfiguredRouter(seed)),
    event: arbitraryRouterBatch,
    // A clone copies every block that was sent and not given back: fewer runs, and shorter ones.
    runs: 30,
    events: 10
  }),
  register({ machine: sessionMachine, initial: peer.map((state) => () => state), event: arbitraryPeerEvent }),
  registerReducer({ name: "peer", reduce: reducePeer, initial: peer, event: arbitraryPeerEvent }),
  registerReducer({
    name: "connection",
    reduce: reduceConnection,
    initial: arbitraryPeerSettings.map((settings) => createConnection(settings, FIRST_CONN + 1)),
    event: arbitraryConnectionEvent
  }),
  registerReducer({
    name: "kernel entry, corrected",
    reduce: (entry, input) => reduceEntry("corrected", entry, input),
    initial: arbitraryEntry,
    event: arbitraryEntryInput
  }),
  registerReducer({
    name: "kernel entry, as the source",
    reduce: (entry, input) => reduceEntry("source", entry, input),
    initial: arbitraryEntry,
    event: arbitraryEntryInput
  }),
  register({
    machine: followMachine,
    initial: fc.tuple(fc.nat(), fc.boolean()).map(
      ([seed, withdrawStale]) =>
        () =>
          createFollow(
            {
              ...FOLLOW_DEFAULTS,
              withdrawStale,
              hostname: "",
              version: "",
              hubs: [{ isLocal: false }, { isLocal: true }]
            },
            seed
          )
    ),
    event: arbitraryFollowEvent
  }),
  register({
    machine: snapshotCache,
    initial: fc.constant(() => createSnapshotCache({ maxBatchSize: 3, maxMessageSize: 3 })),
    event: arbitraryCacheEvent
  }),
  register({
    machine: serveMachine,
    initial: fc
      .nat()
      .map((seed) => () => createServe({ ...SERVE_DEFAULTS, maxBatchSize: 3, maxMessageSize: 3, version: "" }, seed)),
    event: arbitraryServeEvent
  }),
  registerReducer({
    name: "store watch",
    reduce: reduceStoreWatch<number>,
    initial: fc.nat().map(createStoreWatch),
    event: arbitraryStoreWatchEvent
  }),
  registerReducer({
    name: "store publish",
    reduce: reduceStorePublish,
    initial: fc.nat().map(createStorePublish),
    event: arbitraryStorePublishEvent
  }),
  registerReducer({ name: "walks", reduce: reduceWalks, initial: fc.constant(noWalks), event: arbitraryWalksEvent })
]
