// ksync: each kernel object's life, from wanted to in the kernel and away again. One small machine per object, dependencies between
// them, reference counts so that nothing is deleted that something stands on, numbers of our own, and what to do about errors.

export { BACK_OFF_LEVELS, RARELY, type Retried } from "./back-off.ts"
export { Dependencies } from "./dependencies.ts"
export { type DrivenMethods, DrivenObject, type Filtered } from "./driven-object.ts"
export type { EntryObjectOptions } from "./entry-machine.ts"
export { EntryObject } from "./entry-object.ts"
export {
  type Answer,
  classify,
  ERROR_CLASS_NAMES,
  ErrorClass,
  type Failure,
  type Operation,
  type SyncCounters
} from "./errors.ts"
export { type Contested, Fights, REPAIRS_AT_ONCE } from "./fights.ts"
export { KernelSync } from "./kernel-sync.ts"
export { ObjectSync } from "./object-sync.ts"
export {
  type GroupMember,
  GroupObject,
  type GroupShape,
  isOwnId,
  LeafObject,
  type Member,
  NEXTHOP_ID_COUNT,
  NEXTHOP_ID_FIRST,
  NexthopIds,
  type Transitioned
} from "./objects.ts"
export { type Entry, type EntryEffect, type EntryInput, guardsOf, newEntry, reduceEntry } from "./reduce-entry.ts"
export { PutMode, type Requests, SlotKind, Slots } from "./requests.ts"
export { Meddling } from "./route-doubts.ts"
export { DISCARD_LAST, discardOf, isDiscard, RouteFlag, RouteTable } from "./routes.ts"
export { type RuleContent, type RulePrefix, ruleKey } from "./rule-content.ts"
export { RuleObject, type RuleRequests } from "./rule-object.ts"
export { RuleSync } from "./rule-sync.ts"
export {
  Act,
  ENTRY_EVENT_NAMES,
  ENTRY_STATE_NAMES,
  EntryEvent,
  EntryState,
  eventFor,
  FlagChange,
  Guard,
  isUnderWay,
  isUsable
} from "./states.ts"
export { type AnyEntry, type EntryMethods, type PastTransition, SyncEntry } from "./sync-entry.ts"
export { actNames, actsOf, applyFlags, flagsOf, GUARDS, lookUp, type Packed, stateOf, step } from "./table.ts"
export { type Policy, type Transition, transition } from "./transition.ts"
