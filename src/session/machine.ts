// The peer machine under the contract that every machine keeps, for the law tests and for callers that speak in operations. What does
// not fit into three words (an OPEN, a NOTIFICATION, what was negotiated) stands there by its hash.
import { defineOps, fromReducer, hashJson, hashText, type Machine, type OpBuffer } from "../machine/index.ts"
import type { PeerEffect, PeerEvent } from "./alphabet.ts"
import type { Peer } from "./peer.ts"
import { reducePeer } from "./session.ts"

export const sessionEffects = defineOps({
  Dial: [1, "conn"],
  Close: [2, "conn", "abort"],
  SendOpen: [3, "conn", "openHash"],
  SendKeepalive: [4, "conn"],
  SendNotification: [5, "conn", "codes", "dataHash"],
  ArmTimer: [6, "conn", "timer", "milliseconds"],
  CancelTimer: [7, "conn", "timer"],
  SessionUp: [8, "conn", "negotiatedHash"],
  SessionDown: [9, "conn", "retain", "reasonHash"],
  ProcessUpdate: [10, "conn"],
  ProcessRefresh: [11, "conn", "family", "subtype"],
  Ignored: [12, "conn", "eventHash"],
  Gone: [13, "conn"],
  Superseded: [14, "conn", "by"]
})

/** 32 bits that agree whenever two peers mean the same. */
export const digestPeer = (peer: Peer): number => hashJson(peer)

export const encodePeerEffect = (effect: PeerEffect, out: OpBuffer): void => {
  const code = sessionEffects.code[effect._tag]
  switch (effect._tag) {
    case "Dial":
    case "SendKeepalive":
    case "ProcessUpdate":
    case "Gone":
      out.put(code, effect.conn)
      break
    case "Superseded":
      out.put(code, effect.conn, effect.by)
      break
    case "Close":
      out.put(code, effect.conn, effect.abort ? 1 : 0)
      break
    case "SendOpen":
      out.put(code, effect.conn, hashJson(effect.open))
      break
    case "SendNotification": {
      const { code: major, subcode, data } = effect.fault
      out.put(code, effect.conn, (major << 8) | subcode, hashJson(data))
      break
    }
    case "ArmTimer":
      out.put(code, effect.conn, effect.timer, effect.milliseconds)
      break
    case "CancelTimer":
      out.put(code, effect.conn, effect.timer)
      break
    case "SessionUp":
      out.put(code, effect.conn, hashJson(effect.negotiated))
      break
    case "SessionDown":
      out.put(code, effect.conn, effect.retain ? 1 : 0, hashText(effect.reason))
      break
    case "ProcessRefresh":
      out.put(code, effect.conn, (effect.afi << 8) | effect.safi, effect.subtype)
      break
    case "Ignored":
      out.put(code, effect.conn, hashText(effect.event))
      break
  }
}

export const sessionMachine: Machine<Peer, PeerEvent> = fromReducer({
  name: "session",
  reduce: reducePeer,
  encode: encodePeerEffect,
  digest: digestPeer
})
