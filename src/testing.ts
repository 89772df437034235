// backwalk/testing: fast-check arbitraries for every alphabet, models to test against, the model kernel, and the virtual world. The second
// front door of the library; it wants fast-check beside it.

export { arbitraryPoolCommands, newPoolModel, type PoolCommand, type PoolModel } from "./testing/buffers.ts"
export { arbitraryBatches, arbitraryHeader, arbitraryRecord } from "./testing/eventlog.ts"
export {
  arbitraryGobText,
  arbitraryGoTime,
  arbitraryMutation,
  arbitrarySmallMessage,
  arbitraryStorePublishEvent,
  arbitraryStoreWatchEvent,
  arbitraryTypedValue,
  arbitraryUpdate,
  GOB_REGISTERED,
  type TypedValue
} from "./testing/fanout.ts"
export {
  arbitraryCacheEvent,
  arbitraryCacheInput,
  arbitraryFollowEvent,
  arbitraryServeEvent
} from "./testing/fanout-machines.ts"
export { arbitraryEntry, arbitraryEntryInput, arbitraryWalksEvent } from "./testing/forwarding.ts"
export * from "./testing/kernel.ts"
export { arbitraryKernelEvent, arbitraryKernelRequest } from "./testing/kernel-events.ts"
export {
  arbitraryForwarderCommands,
  Forwarder,
  type ForwarderCommand,
  type ForwarderModel,
  newForwarderModel,
  quiesce
} from "./testing/messages.ts"
export {
  arbitraryConnectionEvent,
  arbitraryNegotiated,
  arbitraryPeerEvent,
  arbitraryPeerSettings,
  arbitraryPlausibleOpen,
  FIRST_CONN
} from "./testing/peer-events.ts"
export {
  arbitraryRouterBatch,
  configureRecord,
  createConfiguredRouter,
  ROUTER_CONFIG
} from "./testing/router-batches.ts"
export * from "./testing/wire.ts"
export {
  type RouterOptions,
  replayWorldRouter,
  World,
  type WorldOptions,
  type WorldRouter
} from "./testing/world.ts"
