// What the amendments of the bgp-fsm rows mean, as data. A row's `mod` is prose: a later RFC or a decision where RFC 4271 is silent or
// contradicts itself. Each entry names the cells it belongs to, the prose word for word, and the expectation that it makes of the row;
// a row whose prose has no entry fails, so that nothing is met by not being looked at.

export interface Amendment {
  readonly state: ReadonlyArray<string> | string
  readonly event: ReadonlyArray<number>
  /** Absent: whatever guard the row has. */
  readonly guard?: string
  readonly mod: string
  /** The expected actions instead of the row's; `insteadOf` are then the row's, word for word. */
  readonly actions?: ReadonlyArray<string>
  readonly insteadOf?: ReadonlyArray<string>
  /** One more action behind one that the row has. */
  readonly insert?: { readonly after: string; readonly token: string }
  readonly next?: string
  readonly nextInsteadOf?: string
  /** The NOTIFICATION exactly: code, subcode, data. */
  readonly fault?: readonly [code: number, subcode: number, ...data: ReadonlyArray<number>]
  /** Only for peers that are passive; others do as the row says. */
  readonly onlyPassive?: true
  /** Only where the peer's graceful restart is honoured; others do as the row says. */
  readonly onlyGracefulRestart?: true
}

const STALE = "stale timer: drop (generation check)"
const LATE = "no socket is owned in Idle, so only reachable through a late callback: drop"
const STRAY = "close the stray socket (Idle refuses connections; 4486 allows Cease/5)"
const SEND_HOLD_ELSEWHERE = "timer only runs in Established: drop"
const STALE_IN_OPEN_SENT = "N=5/1; these are stale timers when a generation check is used: ignore instead of resetting"
const STALE_LATER = "stale timers: ignore"
const TYPE_IN_OPEN_SENT = "N=5/1, data = 1 octet type of the offending message (6608)"
const TYPE_IN_OPEN_CONFIRM = "N=5/2 data=02 (6608)"
const SPAWN = "spawn a second FSM instance bound to that socket"
const RESTART =
  "RFC 4724 sec. 5, when a GR capability with >=1 family was received: keep+mark stale, REL rest, close the OLD socket without NOTIFICATION, INIT, CRC=0, CRT!, next **Connect** and feed the new socket in as E16/E17"
const NO_DAMPING =
  "text has no DAMP? here; apply it anyway; GR helper: E18 with GR capability received (4724), and E25 other than 6/9 when the N bit was exchanged (8538), keep+mark stale instead of RIB-"
const HEADER_CODE = "contradiction with 6.1/6.2: send 1/x (header) - all measured daemons do; 22 cannot occur"
const FAILED = ["TX N(5)", "CRT0", "REL", "DROP", "CRC+1", "DAMP?"]
const FALLEN = ["TX N(5)", "RIB-", "CRT0", "REL", "DROP", "CRC+1", "DAMP?"]
const FALLEN_SILENTLY = ["CRT0", "RIB-", "REL", "DROP", "CRC+1"]
const OPENED = [
  "6.8 collision check",
  "DOT0",
  "CRT0",
  "TX KA",
  "if negotiated hold>0: KA!, HT=neg else KA0, HT0",
  "set iBGP/eBGP"
]

export const AMENDMENTS: ReadonlyArray<Amendment> = [
  {
    state: "Idle",
    event: [2],
    mod: "also cancel IdleHoldTimer so that an operator stop really stops",
    actions: ["IHT0"],
    insteadOf: []
  },
  {
    state: "Idle",
    event: [6],
    guard: "IdleHoldTimer stopped",
    mod: "(method left open by the RFC) keep CRC, do not zero it, or the back-off never grows",
    actions: ["INIT", "CRT!", "DIAL", "LISTEN"],
    insteadOf: ["as E3, but only once IdleHoldTimer is not running"]
  },
  {
    state: "Idle",
    event: [7],
    guard: "IdleHoldTimer stopped",
    mod: "keep CRC",
    actions: ["INIT", "CRT!", "LISTEN"],
    insteadOf: ["as E5, but only once IdleHoldTimer is not running"]
  },
  { state: "Idle", event: [9, 10, 11, 12], mod: STALE, actions: [], insteadOf: [] },
  {
    state: "Idle",
    event: [13],
    guard: "DampPeerOscillations",
    mod: "RFC leaves the method open; this is the obvious reading"
  },
  {
    state: "Idle",
    event: [13],
    guard: "not DampPeerOscillations",
    mod: "stale timer: drop",
    actions: [],
    insteadOf: []
  },
  {
    state: "Idle",
    event: [14],
    mod: "the 'any other event' list skips 14; treat as: refuse the SYN",
    actions: ["refuse SYN"],
    insteadOf: []
  },
  { state: "Idle", event: [16, 17], mod: STRAY, actions: ["close the stray socket"], insteadOf: [] },
  { state: "Idle", event: [18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28], mod: LATE, actions: [], insteadOf: [] },
  {
    state: ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm"],
    event: [29],
    mod: SEND_HOLD_ELSEWHERE,
    actions: [],
    insteadOf: []
  },
  {
    state: "Connect",
    event: [2],
    mod: "also DOT0; IHT not started",
    insert: { after: "REL", token: "DOT0" }
  },
  {
    state: "Connect",
    event: [12],
    mod: "also DOT0, CRT0 (Active/E12 lists them, Connect/E12 does not)",
    actions: ["CRT0", "DOT0", "TX OPEN", "HT=240s"],
    insteadOf: ["TX OPEN", "HT=240s"]
  },
  {
    state: "Connect",
    event: [18],
    guard: "DelayOpenTimer not running",
    mod: "most daemons go to Active with CRT! here; going to Idle without IHT means an immediate E3 dial loop unless auto-start is delayed",
    actions: ["DROP", "CRT!", "LISTEN"],
    insteadOf: ["CRT0", "DROP", "REL"],
    next: "Active",
    nextInsteadOf: "Idle"
  },
  {
    state: "Connect",
    event: [20],
    mod: "first run 6.8 collision check (text says so under OpenSent)",
    insert: { after: "CRT0", token: "6.8 collision check" }
  },
  { state: "Connect", event: [21, 22], mod: "N=1/x for E21, 2/x for E22" },
  { state: "Active", event: [2], mod: "N=6/2 or 6/3" },
  {
    state: "Active",
    event: [8, 10, 11, 13, 19, 23, 25, 26, 27, 28],
    mod: "also DOT0",
    insert: { after: "CRT0", token: "DOT0" }
  },
  {
    state: "Active",
    event: [9],
    mod: "not when PassiveTcpEstablishment: a passive peer must stay in Active (RFC lets CRT run and dial; every daemon suppresses it)",
    onlyPassive: true,
    actions: [],
    insteadOf: ["CRT!", "DIAL", "LISTEN"],
    next: "Active",
    nextInsteadOf: "Connect"
  },
  {
    state: "Active",
    event: [18],
    mod: "text restarts CRT and yet goes Idle: let the auto-start own the retry",
    actions: ["DOT0", "REL", "CRT0", "CRC+1", "DAMP?"],
    insteadOf: ["CRT!", "DOT0", "REL", "CRC+1", "DAMP?"]
  },
  {
    state: "Active",
    event: [20],
    mod: "first run 6.8 collision check",
    insert: { after: "CRT0", token: "6.8 collision check" }
  },
  {
    state: "OpenSent",
    event: [2],
    mod: "N=6/2 (+9003 text) admin shutdown, 6/4 reset, 6/3 deleted"
  },
  { state: "OpenSent", event: [8], mod: "N=6/1,6/6,6/8,6/10 by reason" },
  {
    state: "OpenSent",
    event: [9, 11, 12, 13],
    mod: STALE_IN_OPEN_SENT,
    actions: [],
    insteadOf: FAILED,
    next: "OpenSent",
    nextInsteadOf: "Idle"
  },
  { state: "OpenSent", event: [10], mod: "N=4/0", fault: [4, 0] },
  { state: "OpenSent", event: [16, 17], mod: SPAWN },
  {
    state: "OpenSent",
    event: [18],
    mod: "HT0 (text forgets the 240 s timer)",
    insert: { after: "DROP", token: "HT0" }
  },
  {
    state: "OpenSent",
    event: [19],
    mod: "if neg=0 also HT0 so that the 240 s timer dies",
    actions: OPENED,
    insteadOf: [
      "6.8 collision check",
      "DOT0",
      "CRT0",
      "TX KA",
      "if neg>0: KA!, HT=neg; if neg=0 start neither",
      "set iBGP/eBGP"
    ]
  },
  {
    state: "OpenSent",
    event: [20],
    mod: "unreachable once DOT0 is done on entry; treat as E19",
    actions: OPENED,
    insteadOf: FAILED,
    next: "OpenConfirm",
    nextInsteadOf: "Idle"
  },
  { state: ["OpenSent", "OpenConfirm"], event: [23], mod: "N=6/7", fault: [6, 7] },
  {
    state: "OpenSent",
    event: [25],
    mod: "literal text answers a NOTIFICATION with a NOTIFICATION; 6.4 only wants a log entry: close silently, CRC+1, DAMP?",
    actions: ["CRT0", "REL", "DROP", "CRC+1", "DAMP?"],
    insteadOf: FAILED
  },
  { state: "OpenSent", event: [26], mod: TYPE_IN_OPEN_SENT, fault: [5, 1, 4] },
  { state: "OpenSent", event: [27, 28], mod: TYPE_IN_OPEN_SENT, fault: [5, 1, 2] },
  { state: "OpenConfirm", event: [2], mod: "N=6/2,6/3,6/4" },
  {
    state: "OpenConfirm",
    event: [9, 12, 13],
    mod: STALE_LATER,
    actions: [],
    insteadOf: FAILED,
    next: "OpenConfirm",
    nextInsteadOf: "Idle"
  },
  { state: "OpenConfirm", event: [19], guard: "6.8 says this connection loses", mod: "N=6/7", fault: [6, 7] },
  {
    state: "OpenConfirm",
    event: [19],
    guard: "6.8 says this connection survives",
    mod: "a second OPEN on the SAME socket is not a collision: N=5/2 data=01",
    actions: FAILED,
    insteadOf: ["(text silent: keep)"],
    next: "Idle",
    nextInsteadOf: "OpenConfirm",
    fault: [5, 2, 1]
  },
  { state: "OpenConfirm", event: [20], mod: "as E19 row", fault: [5, 2, 1] },
  {
    state: "OpenConfirm",
    event: [26],
    mod: "+ SHT! when negotiated hold>0 (9687); raise session-up; queue full table then EoR",
    actions: ["HT! if negotiated hold>0", "SHT! if negotiated hold>0", "session up"],
    insteadOf: ["HT!"]
  },
  { state: "OpenConfirm", event: [27, 28], mod: TYPE_IN_OPEN_CONFIRM, fault: [5, 2, 2] },
  {
    state: "Established",
    event: [2],
    mod: "with GR N-bit exchanged: 6/9 wrapping 6/2 for a real shutdown, plain 6/4 for a graceful reset (8538)"
  },
  {
    state: "Established",
    event: [8],
    mod: "6/1 max-prefix (+7-byte data), 6/10 BFD down, 6/8 out of resources"
  },
  {
    state: "Established",
    event: [9, 12, 13],
    mod: STALE_LATER,
    actions: [],
    insteadOf: FALLEN,
    next: "Established",
    nextInsteadOf: "Idle"
  },
  {
    state: "Established",
    event: [10],
    mod: "text omits RIB- here, clearly an oversight; with the N bit exchanged the routes are kept as stale instead (8538 sec. 4)",
    actions: ["TX N(4)", "CRT0", "RIB- (stale with the N bit)", "REL", "DROP", "CRC+1", "DAMP?"],
    insteadOf: ["TX N(4)", "CRT0", "REL", "DROP", "CRC+1", "DAMP?"],
    fault: [4, 0]
  },
  {
    state: "Established",
    event: [11],
    mod: "SHT! on every successful send",
    actions: ["TX KA", "KA! unless negotiated hold=0", "SHT! if negotiated hold>0"],
    insteadOf: ["TX KA", "KA! unless negotiated hold=0"]
  },
  {
    state: "Established",
    event: [16, 17],
    mod: RESTART,
    onlyGracefulRestart: true,
    actions: ["RIB- (stale)", "REL", "DROP", "INIT", "CRC=0", "CRT!", "raise the event again"],
    insteadOf: ["track 2nd connection until it sends OPEN"],
    next: "Connect",
    nextInsteadOf: "Established"
  },
  {
    state: "Established",
    event: [18],
    mod: NO_DAMPING,
    actions: ["CRT0", "RIB- (stale with graceful restart)", "REL", "DROP", "CRC+1", "DAMP?"],
    insteadOf: FALLEN_SILENTLY
  },
  {
    state: "Established",
    event: [24],
    mod: NO_DAMPING,
    actions: ["CRT0", "RIB-", "REL", "DROP", "CRC+1", "DAMP?"],
    insteadOf: FALLEN_SILENTLY
  },
  {
    state: "Established",
    event: [25],
    mod: NO_DAMPING,
    actions: ["CRT0", "RIB- (stale with the N bit)", "REL", "DROP", "CRC+1", "DAMP?"],
    insteadOf: FALLEN_SILENTLY
  },
  {
    state: "Established",
    event: [19],
    guard: "CollisionDetectEstablishedState and this one loses",
    mod: "N=6/7",
    fault: [6, 7]
  },
  {
    state: "Established",
    event: [19],
    guard: "otherwise",
    mod: "an OPEN on the same socket: N=5/3 data=01 (6608), RIB-, ... Idle; a collision on another socket closes THAT socket with 6/7",
    actions: FALLEN,
    insteadOf: ["(text: OPEN is not examined)"],
    next: "Idle",
    nextInsteadOf: "Established",
    fault: [5, 3, 1]
  },
  { state: "Established", event: [20], mod: "unreachable", fault: [5, 3, 1] },
  {
    state: "Established",
    event: [21, 22],
    mod: HEADER_CODE,
    actions: ["TX N(1/x or 2/x)", "CRT0", "RIB-", "REL", "DROP", "CRC+1", "DAMP?"],
    insteadOf: FALLEN
  },
  { state: "Established", event: [23], guard: "CollisionDetectEstablishedState", mod: "N=6/7", fault: [6, 7] },
  {
    state: "Established",
    event: [23],
    guard: "not CollisionDetectEstablishedState",
    mod: "event must not be raised",
    actions: [],
    insteadOf: []
  },
  {
    state: "Established",
    event: [28],
    mod: "only for 7606 'session reset' class; treat-as-withdraw / attribute-discard / AFI-SAFI-disable are E27 with a modified message"
  },
  {
    state: "Established",
    event: [29],
    mod: "RIB-/stale as for E18",
    actions: ["TX N(8)", "log", "RIB- (stale with graceful restart)", "REL", "CRT0", "DROP", "CRC+1", "DAMP?"],
    insteadOf: ["TX N(8) if it can be queued without delay", "log", "REL", "CRT0", "DROP", "CRC+1", "DAMP?"],
    fault: [8, 0]
  }
]
