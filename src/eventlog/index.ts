// eventlog: the recorded run. Everything that influenced the core, in the order it did, as a batch, as bytes and as JSON; a reader that
// believes nothing it cannot check. Files belong to the runtime.

export {
  ACCEPTED,
  type Batch,
  ConnectionChange,
  type ConnId,
  type EventRecord,
  FollowedNews,
  KernelChannel
} from "./batch.ts"
export { CheckpointCounter, type CheckpointPolicy, DEFAULT_CHECKPOINTS } from "./checkpoint.ts"
export { crc32c } from "./checksum.ts"
export { BatchWriter, encodeBatch, encodeHeader, FORMAT_VERSION, type LogHeader, RecordKind } from "./format.ts"
export { type BatchJson, batchToJson, type RecordJson, recordToJson } from "./json.ts"
export { describeLogEnd, type LogEnd, LogReader, readLog } from "./reader.ts"
