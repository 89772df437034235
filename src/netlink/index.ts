// netlink: rtnetlink bytes for requests, and replies and notifications out of bytes. No sockets: those are the runtime's. Here too is
// the model kernel, a machine that answers the same bytes as the real one does, for tests and for machines without the privilege.

export { conditionNames, conditionOf } from "./condition.ts"
export {
  align4,
  decodeDone,
  decodeError,
  type ErrorReply,
  eachAttribute,
  eachMessage,
  type Message,
  type MessageVisitor,
  messagesOf
} from "./message.ts"
export {
  askModelKernel,
  createModelKernel,
  type ModelKernelAnswer,
  type ModelKernelEvent,
  modelKernel
} from "./model.ts"
export { type ModelKernelEffect, modelKernelEffects } from "./model-output.ts"
export type { ModelAddress, ModelKernel, ModelLink, ModelNeighbour, ModelRoute } from "./model-state.ts"
export {
  type NeighbourDeleteRequest,
  type NeighbourRequest,
  NeighbourState,
  putNeighbour,
  putNeighbourDelete
} from "./neighbour.ts"
export type { ResilientSettings } from "./nexthop-parts.ts"
export {
  Errno,
  errnoName,
  LinkFlag,
  NetlinkFlag,
  NetlinkGroup,
  NetlinkType,
  NexthopFlag,
  RouteProtocol,
  RouteScope,
  RouteTable,
  RouteType
} from "./numbers.ts"
export {
  decodeAddressMessage,
  decodeLink,
  decodeNeighbour,
  decodeNexthop,
  type InterfaceAddress,
  type Link,
  type Neighbour,
  type Nexthop
} from "./object.ts"
export {
  addressFamily,
  type DumpKind,
  type DumpRequest,
  type GroupMember,
  type NexthopGroupRequest,
  type NexthopRequest,
  putAddress,
  putDump,
  putLinkState,
  putNexthop,
  putNexthopDelete,
  putNexthopGroup,
  putRoute,
  putRouteDelete,
  putVethPair,
  type RouteDeleteRequest,
  type RouteRequest,
  writeRoute,
  writeRouteDelete
} from "./request.ts"
export { decodeRoute, type Route, RouteView } from "./route.ts"
export { decodeRule, putRule, putRuleDelete, type Rule, type RuleRequest } from "./rule.ts"
export {
  HEADER_BYTES,
  NEXTHOP_GROUP_REQUEST_BYTES,
  NEXTHOP_REQUEST_BYTES_MAX,
  NetlinkWriter,
  RESILIENT_BYTES,
  ROUTE_REQUEST_BYTES_MAX,
  RULE_REQUEST_BYTES_MAX,
  requestAck
} from "./writer.ts"
