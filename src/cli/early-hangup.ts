// A SIGHUP that comes while the daemon starts. Without a listener it would end the process, which is no answer to somebody who asks for the
// configuration to be read again; so it is noted, and the daemon reads again once it can.
let isMissed = false
const note = (): void => {
  isMissed = true
}

/** From now on a hangup ends nothing. */
export const holdHangups = (): void => {
  process.on("SIGHUP", note)
}

/** The daemon listens to hangups itself from now on. Returns whether one came before it did. */
export const takeHangups = (): boolean => {
  process.off("SIGHUP", note)
  const wasMissed = isMissed
  isMissed = false
  return wasMissed
}
