// What a selection has found out about attribute sets in this round, by the last bits of their numbers: a prefix with paths from ten peers asks
// about ten sets, and the next one mostly about the same. Emptied for each class and round, since numbers of sets are given away again.
import { AttributeFlag, AttributeType } from "../wire/index.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import type { ExportClass } from "./export-class.ts"

const PLACES = 512
const MASK = PLACES - 1

/** Which members are in a set's AS_PATH. */
export class Loops {
  /** Bitmaps; `of` says where one begins. */
  words: Uint32Array = new Uint32Array(PLACES)
  /** By place: a set plus one; 0: none. */
  private readonly sets: Uint32Array = new Uint32Array(PLACES)
  private readonly scratch: Uint32Array = new Uint32Array(128)
  private readonly store: AttributeStore
  private stride = 1

  constructor(store: AttributeStore) {
    this.store = store
  }

  clear(stride: number): void {
    this.sets.fill(0)
    if (stride === this.stride) return
    this.stride = stride
    this.words = new Uint32Array(PLACES * stride)
  }

  /** Where the bitmap of a set begins. Good until the next question. */
  of(exportClass: ExportClass, set: AttributeId): number {
    const place = set & MASK
    const at = place * this.stride
    if (this.sets[place] === set + 1) return at
    this.sets[place] = set + 1
    this.scratch.fill(0, 0, this.stride)
    this.find(exportClass, set)
    for (let word = 0; word < this.stride; word++) this.words[at + word] = this.scratch[word]
    return at
  }

  private find(exportClass: ExportClass, set: AttributeId): void {
    const { store } = this
    const bytes = store.chunkOf(set)
    const end = store.blockEndOf(set)
    for (let at = store.startOf(set); at < end; ) {
      const isExtended = (bytes[at] & AttributeFlag.ExtendedLength) !== 0
      const type = bytes[at + 1]
      const value = at + (isExtended ? 4 : 3)
      at = value + (isExtended ? (bytes[at + 2] << 8) | bytes[at + 3] : bytes[at + 2])
      if (type === AttributeType.AsPath) exportClass.addMembersIn(bytes, value, at, this.scratch)
      if (type >= AttributeType.AsPath) return
    }
  }
}

/** Whether a class is told a path with a set and from a peer. */
export class Answers {
  private readonly sets: Uint32Array = new Uint32Array(PLACES)
  private readonly peers: Uint16Array = new Uint16Array(PLACES)
  private readonly answers: Uint8Array = new Uint8Array(PLACES)

  clear(): void {
    this.sets.fill(0)
  }

  /** 1: yes, 0: no, -1: not asked yet. */
  of(set: AttributeId, peer: number): number {
    const place = set & MASK
    return this.sets[place] === set + 1 && this.peers[place] === peer ? this.answers[place] : -1
  }

  note(set: AttributeId, peer: number, answer: boolean): void {
    const place = set & MASK
    this.sets[place] = set + 1
    this.peers[place] = peer
    this.answers[place] = answer ? 1 : 0
  }
}
