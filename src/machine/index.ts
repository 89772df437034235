// machine: what a state machine, an event, an effect, time, identity and a bound are in this program. Every other room speaks in
// these terms; this one imports nothing.

export { AssertionError, assert, unreachable } from "./assert.ts"
export { draw, jitter, type Seed } from "./chance.ts"
export { deepClone } from "./clone.ts"
export { type Column, grown, handOut, nextCapacity } from "./columns.ts"
export { fold, foldSigned, hashBytes, hashJson, hashText, mix, mixSigned } from "./hash.ts"
export * from "./limits.ts"
export { fromReducer, type Machine, pure, type Reducer } from "./machine.ts"
export { defineOps, OpBuffer, type OpOf, type OpShape, type OpShapes, type Ops, type OpUnion } from "./ops.ts"
export { generationOf, type Handle, indexOf, SLOTS_MAX, Slots } from "./slots.ts"
export { isoTime, MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from "./time.ts"
