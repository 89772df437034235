// backwalk/testing: fast-check arbitraries for every alphabet, models to test against, and the model kernel. The second front door of the
// library; it wants fast-check beside it.

export { arbitraryPoolCommands, newPoolModel, type PoolCommand, type PoolModel } from "./testing/buffers.ts"
export { arbitraryBatches, arbitraryHeader, arbitraryRecord } from "./testing/eventlog.ts"
export { type RouterOptions, replayWorldRouter, World, type WorldOptions, WorldRouter } from "./testing/world.ts"
