// Scenarios of the original KSync, tests and quirks, that are not among the captured vectors: played step by step under the preset
// `source`. The notation is that of rows.ts.
import { describe, expect, it } from "vitest"
import { checkKsyncCase } from "../vectors/ksync-cases.ts"
import { playRow } from "./rows.ts"

const ENTRIES: ReadonlyArray<readonly [string, string]> = [
  [
    "sync_dep_del_order_1: what is referred to goes after what refers to it",
    `create F01 ⇒ F01=IS (1/0/0); create F02→F01 ⇒ F02=IS (2/0/0); delete F01 ⇒ F01=DR (2/0/0); delete F02 ⇒ F01=∅ F02=∅ (2/0/2);
      create F01 ⇒ F01=IS (3/0/2); create F02→F01 ⇒ F02=IS (4/0/2); delete F02 ⇒ F02=∅ (4/0/3); delete F01 ⇒ F01=∅ (4/0/4) | 4 / 3`
  ],
  [
    "del_defer: three wait for one, and it goes after the last of them",
    `create F01→F02 ⇒ F01=AD F02=TM (0/0/0); create F03→F02 ⇒ F03=AD (0/0/0); create F04→F02 ⇒ F04=AD (0/0/0);
      create F02 ⇒ F01=IS F02=IS F03=IS F04=IS (4/0/0); delete F02 ⇒ F02=DR (4/0/0); delete F01 ⇒ F01=∅ (4/0/1);
      delete F03 ⇒ F03=∅ (4/0/2); delete F04 ⇒ F02=∅ F04=∅ (4/0/4) | 4 / 2`
  ],
  [
    "change_defer1: a change waits for what it newly depends on",
    `create F01 ⇒ F01=IS (1/0/0); setDep F01→F02 ⇒ F01=CD F02=TM (1/0/0); create F02 ⇒ F01=IS F02=IS (2/1/0);
      delete F01 ⇒ F01=∅ (2/1/1); delete F02 ⇒ F02=∅ (2/1/2) | 2 / 1`
  ],
  [
    "async_change_defer: a delete while a change waits is sent and acknowledged later",
    `create FE1 ⇒ FE1=IS (1/0/0); setDep FE1→FE2 ⇒ FE1=CD FE2=TM (1/0/0); delete FE1 ⇒ FE1=DA (1/0/1);
      ack FE1 DEL_ACK ⇒ FE1=∅ FE2=∅ (1/0/1) | 2 / 2`
  ],
  [
    "refcount_verify_for_temp: a placeholder goes with the last that refers to it",
    `create F02→F03 ⇒ F02=AD F03=TM (0/0/0); create F01→F02 ⇒ F01=AD (0/0/0); delete F02 ⇒ F02=TM (0/0/0);
      create F03 ⇒ F03=IS (1/0/0); delete F01 ⇒ F01=∅ F02=∅ (1/0/0); delete F03 ⇒ F03=∅ (1/0/1) | 3 / 1`
  ],
  [
    "need_sync_to_change_defer: dependencies change while acknowledgements are under way",
    `create 1 ⇒ 1=SW (1/0/0); change 1 ⇒ 1=NS (1/0/0); setDep 1→2 ⇒ 2=TM (1/0/0); create 2 ⇒ 2=SW (2/0/0); ADD_ACK 1 ⇒ 1=SW (2/1/0);
      setDep 1→3 ⇒ 1=NS 3=TM (2/1/0); CHANGE_ACK 1 ⇒ 1=CD (2/1/0); create 3 ⇒ 1=SW 3=SW (3/2/0); setDep 1→4 ⇒ 1=NS 4=TM (3/2/0);
      delete 1 ⇒ 1=DS (3/2/0); CHANGE_ACK 1 ⇒ 1=DA (3/2/1); ack 1 DEL_ACK ⇒ 1=∅ 4=∅ (3/2/1); delete 2 ⇒ 2=DS (3/2/1);
      ADD_ACK 2 ⇒ 2=DA (3/2/2); delete 3 ⇒ 3=DS (3/2/2); ADD_ACK 3 ⇒ 3=DA (3/2/3); ack 2 DEL_ACK ⇒ 2=∅ (3/2/3);
      ack 3 DEL_ACK ⇒ 3=∅ (3/2/3) | 4 / 1`
  ],
  [
    "async_add_defer: who waits is sent once the dependency was sent, and keeps it until it is deleted itself",
    `create 1→2 ⇒ 1=AD 2=TM (0/0/0); create 2 ⇒ 1=SW 2=SW (2/0/0); delete 2 ⇒ 2=DS (2/0/0); ADD_ACK 2 ⇒ 2=DR (2/0/0);
      ADD_ACK 1 ⇒ 1=IS (2/0/0); delete 1 ⇒ 1=DA (2/0/1); ack 1 DEL_ACK ⇒ 2=DA 1=∅ (2/0/2); ack 2 DEL_ACK ⇒ 2=∅ (2/0/2) | 2 / 1`
  ],
  [
    "temp_del_req: a delete of a placeholder that is referred to does nothing",
    `create 1 ⇒ 1=SW (1/0/0); ADD_ACK 1 ⇒ 1=IS (1/0/0); delete 1 ⇒ 1=DA (1/0/1); create 2→1 ⇒ 2=AD (1/0/1);
      ack 1 DEL_ACK ⇒ 1=TM (1/0/1); delete 1 (1/0/1); delete 2 ⇒ 1=∅ 2=∅ (1/0/1) | 2 / 2`
  ],
  [
    "del_ack_to_renew_to_del_defer: a renewal that is taken back sends a second delete where deletes are not compressed",
    `create 1 ⇒ 1=SW (1/0/0); ADD_ACK 1 ⇒ 1=IS (1/0/0); delete 1 ⇒ 1=DA (1/0/1); setDep 1 ⇒ 1=RW (1/0/1); allowComp 1=off (1/0/1);
      delete 1 ⇒ 1=DDA (1/0/1); ack 1 DEL_ACK ⇒ 1=DA (1/0/2); DEL_ACK 1 ⇒ 1=∅ (1/0/2) | 1 / 1`
  ],
  [
    "del_ack_to_renew_to_del_ack: a renewal that is taken back needs no second delete where they are",
    `create 1 ⇒ 1=SW (1/0/0); ADD_ACK 1 ⇒ 1=IS (1/0/0); delete 1 ⇒ 1=DA (1/0/1); setDep 1 ⇒ 1=RW (1/0/1); delete 1 ⇒ 1=DA (1/0/1);
      ack 1 DEL_ACK ⇒ 1=∅ (1/0/1) | 1 / 1`
  ],
  [
    "add_defer_to_del_ref_pending_to_add: what waits to be deleted and is wanted again waits to be added",
    `create 1→2 ⇒ 1=AD 2=TM (0/0/0); allowComp 1=off (0/0/0); hold 1 (0/0/0); delete 1 ⇒ 1=DR (0/0/0); setDep 1→2 ⇒ 1=AD (0/0/0);
      release (0/0/0); delete 1 ⇒ 1=DA (0/0/1); ack 1 DEL_ACK ⇒ 1=∅ 2=∅ (0/0/1) | 2 / 2`
  ],
  [
    "lost_wakeup_noop_change: the source forgets who waits when the change turns out to change nothing (W3)",
    `create 1 ⇒ 1=SW (1/0/0); quiet 1; delete 1 ⇒ 1=DS (1/0/0); create 2→1 ⇒ 2=AD (1/0/0); create 1 ⇒ 1=NS (1/0/0);
      ADD_ACK 1 ⇒ 1=IS (1/1/0) | 0 / 0`
  ],
  [
    "wakeup_ok_async_change: it remembers where the change is acknowledged",
    `create 1 ⇒ 1=SW (1/0/0); delete 1 ⇒ 1=DS (1/0/0); create 2→1 ⇒ 2=AD (1/0/0); create 1 ⇒ 1=NS (1/0/0); ADD_ACK 1 ⇒ 1=SW (1/1/0);
      CHANGE_ACK 1 ⇒ 1=IS 2=SW (2/1/0) | 0 / 0`
  ],
  [
    "data_unresolved_blocks: data that is not resolved keeps others waiting",
    `create 1 ⇒ 1=SW (1/0/0); ADD_ACK 1 ⇒ 1=IS (1/0/0); unresolveData 1 (1/0/0); create 2→1 ⇒ 2=AD (1/0/0); resolveData 1 (1/0/0);
      change 1 ⇒ 1=SW (1/1/0); CHANGE_ACK 1 ⇒ 1=IS 2=SW (2/1/0) | 0 / 0`
  ],
  [
    "double_delete_on_deladd_during_delete: the source deletes twice before it adds (W6)",
    `create 1 ⇒ 1=SW (1/0/0); ADD_ACK 1 ⇒ 1=IS (1/0/0); delete 1 ⇒ 1=DA (1/0/1); DEL_ADD_REQ 1 (1/0/1); DEL_ACK 1 ⇒ 1=RW (1/0/2);
      DEL_ACK 1 ⇒ 1=SW (2/0/2); ADD_ACK 1 ⇒ 1=IS (2/0/2) | 0 / 0`
  ],
  [
    "waiter_pins_deleted_dependency: who begins to wait for something on its way out holds it back (W7)",
    `create F01 ⇒ F01=IS (1/0/0); create F02→F01 ⇒ F02=IS (2/0/0); delete F01 ⇒ F01=DR (2/0/0); create F03→F01 ⇒ F03=AD (2/0/0);
      delete F02 ⇒ F02=∅ (2/0/1); delete F03 ⇒ F01=∅ F03=∅ (2/0/2) | 3 / 2`
  ],
  [
    "change_defer_hides_from_new_referrers: an entry whose change waits is not there for newcomers",
    `create F01 ⇒ F01=IS (1/0/0); setDep F01→F02 ⇒ F01=CD F02=TM (1/0/0); create F03→F01 ⇒ F03=AD (1/0/0);
      create F02 ⇒ F01=IS F02=IS F03=IS (3/1/0) | 0 / 0`
  ],
  [
    "create_in_renew_wait_asserts: a second creation while one waits for the delete is refused",
    `create 1 ⇒ 1=SW (1/0/0); ADD_ACK 1 ⇒ 1=IS (1/0/0); delete 1 ⇒ 1=DA (1/0/1); create 1 ⇒ 1=RW (1/0/1); create 1 ⇒ ABORT | 0 / 0`
  ],
  [
    "change_during_delete_ref_revives_with_change: what waits to go and is wanted again is changed, not added",
    `create 1 ⇒ 1=SW (1/0/0); ADD_ACK 1 ⇒ 1=IS (1/0/0); create 2→1 ⇒ 2=SW (2/0/0); ADD_ACK 2 ⇒ 2=IS (2/0/0); delete 1 ⇒ 1=DR (2/0/0);
      create 1 ⇒ 1=SW (2/1/0); CHANGE_ACK 1 ⇒ 1=IS (2/1/0) | 0 / 0`
  ],
  [
    "deladd_pending_cleared_by_delete: a delete takes back a delete-then-add that waits",
    `create 1 ⇒ 1=SW (1/0/0); DEL_ADD_REQ 1 (1/0/0); delete 1 ⇒ 1=DS (1/0/0); ADD_ACK 1 ⇒ 1=DA (1/0/1); DEL_ACK 1 ⇒ 1=∅ (1/0/1) | 1 / 1`
  ],
  [
    "deladd_pending_wins_over_change: a delete-then-add that waits makes a change unnecessary",
    `create 1 ⇒ 1=SW (1/0/0); DEL_ADD_REQ 1 (1/0/0); change 1 ⇒ 1=NS (1/0/0); ADD_ACK 1 ⇒ 1=RW (1/0/1); DEL_ACK 1 ⇒ 1=SW (2/0/1);
      ADD_ACK 1 ⇒ 1=IS (2/0/1) | 0 / 0`
  ]
]

const ROWS: ReadonlyArray<readonly [string, string]> = [
  [
    "AddDelCompress: a row that is added and deleted before anybody heard of it sends nothing",
    `dbAdd vlan10:10(queued) (0/0/0); dbDel vlan10:10 (0/0/0) | 0 / 0 / 0,1`
  ],
  [
    "DuplicateDelete: a row deleted twice is deleted once",
    `dbAdd vlan10:10 ⇒ 10=IS (1/0/0); hold 10 (1/0/0); dbDel vlan10:10 ⇒ 10=DR (1/0/0); dbDel vlan10:10 (1/0/0);
      release ⇒ 10=∅ (1/0/1) | 1 / 1 / 1,2`
  ],
  [
    "Del_Ack_Wait_to_Temp: a placeholder lets its row go, and is revived by the next one",
    `dbAdd vlan10:10 ⇒ 10=IS (1/0/0); mode 10=async (1/0/0); dbDel vlan10:10 ⇒ 10=DA (1/0/1); hold 10 (1/0/1);
      ack 10 DEL_ACK ⇒ 10=TM (1/0/1); mode 10=sync (1/0/1); dbAdd vlan10:10 ⇒ 10=IS (2/0/1); dbDel vlan10:10 ⇒ 10=DR (2/0/1);
      release ⇒ 10=∅ (2/0/2) | 1 / 1 / 2,2`
  ],
  [
    "KSyncEntryRenewWithNewDBEntry: another row with the same key changes an entry that waits to go",
    `dbAdd vlan10:10 ⇒ 10=IS (1/0/0); hold 10 (1/0/0); dbDel vlan10:10 ⇒ 10=DR (1/0/0); dbAdd new_vlan10:10 ⇒ 10=IS (1/1/0);
      release (1/1/0); dbDel new_vlan10:10 ⇒ 10=∅ (1/1/1) | 1 / 1 / 2,2`
  ],
  [
    "create_stale_vlan_entry_to_non_stale: a row claims a stale entry by a change",
    `stale 10 ⇒ 10=IS (1/0/0); dbAdd vlan10:10 (1/1/0); tick (1/1/0); dbDel vlan10:10 ⇒ 10=∅ (1/1/1) | 1 / 1 / 1,1`
  ],
  [
    "DBFilterDelAdd: a row that moves to another key",
    `dbAdd vlan10:10 ⇒ 10=IS (1/0/0); dbAdd vlan10:11 ⇒ 11=IS 10=∅ (2/0/1); dbDel vlan10:11 ⇒ 11=∅ (2/0/2) | 2 / 2 / 2,1`
  ],
  [
    "DBFilterDelAddDupToDup: a row that moves from the head of one key to the queue of another",
    `dbAdd vlan10:10(queued) (0/0/0); dbAdd vlan11:11 ⇒ 10=IS 11=IS (2/0/0); dbAdd new_vlan10:10 (2/0/0); dbAdd vlan10:11 (2/1/0);
      dbDel vlan11:11 (2/2/0); dbDel vlan10:11 ⇒ 11=∅ (2/2/1); dbDel new_vlan10:10 ⇒ 10=∅ (2/2/2) | 2 / 1 / 4,3`
  ]
]

/** 110 entries that are done at once: more than one slice of the object manager. */
const MANY = Array.from({ length: 110 }, (_, number) => (0xf00 + number).toString(16).toUpperCase())
const all = (what: (tag: string) => string, between: string): string => MANY.map(what).join(between)

const F01 = { state: "IN_SYNC", refs: 1, seen: true, index: 0, lastOp: "ADD" }
/** One entry is created: a captured scenario in short. */
const CREATED = {
  name: "created",
  kind: "object",
  config: { indexTableSize: 200 },
  steps: [
    {
      event: "Create",
      entry: "F01",
      args: { dependsOn: null },
      expectState: "IN_SYNC",
      expectOps: { add: 1, change: 0, del: 0 },
      expectEntries: { F01 }
    }
  ]
}

describe("the preset `source` does what the original did", () => {
  for (const [name, row] of ENTRIES) it(name, () => expect(playRow(row, { kind: "object" })).toEqual([]))

  for (const [name, row] of ROWS) it(name, () => expect(playRow(row, { kind: "db" })).toEqual([]))

  it("trigger_object_delete: the manager deletes in slices, and the table is found empty once", () => {
    const row = `${all((tag) => `create ${tag} ⇒ ${tag}=IS`, "; ")}; resetEmpty (110/0/0);
      objDelete ⇒ ${all((tag) => `${tag}=∅`, " ")} (110/0/110); newObj | 110 / 1`
    expect(playRow(row, { kind: "object" })).toEqual([])
  })

  it("a row that is not so is found out", () => {
    expect(playRow("create F01 ⇒ F01=SW (1/0/0) | 0 / 0", { kind: "object" })).toEqual([
      "create F01 ⇒ F01=SW (1/0/0): F01 is IN_SYNC, not SYNC_WAIT"
    ])
    expect(playRow("create F01 ⇒ F01=IS (1/1/0) | 1 / 0", { kind: "object" })).toHaveLength(2)
  })

  it.each([
    ["a setting", { config: { ...CREATED.config, bulkMessagesMax: 16 } }],
    ["a kind", { kind: "flow" }],
    ["a part of the case", { expectTrace: [] }],
    ["an event", { steps: [{ event: "Renew", entry: "F01" }] }],
    ["a part of a step", { steps: [{ ...CREATED.steps[0], expectTrace: [] }] }],
    ["an argument", { steps: [{ ...CREATED.steps[0], args: { dependsOn: null, index: 3 } }] }],
    ["a part of an entry", { steps: [{ ...CREATED.steps[0], expectEntries: { F01: { ...F01, history: [] } } }] }],
    ["a holder", { steps: [{ event: "ReleaseReference", entry: "F01", args: { holder: "r" } }] }]
  ])("a scenario that has %s that nobody looks at is not met by chance", (_what, other) => {
    expect(checkKsyncCase(CREATED).problems).toEqual([])
    expect(checkKsyncCase({ ...CREATED, ...other }).problems).toHaveLength(1)
  })
})
