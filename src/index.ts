// backwalk: the pure rooms, and replay.

export * from "./machine/index.ts"
