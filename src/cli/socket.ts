// Where commands look for the daemon when nobody says. The path stands here as well as in the configuration's defaults because a
// command that asks a question does not load the configuration; a test holds the two equal.

const SYSTEM_SOCKET = "/run/backwalk/control.sock"

export const DEFAULT_SOCKET: string = process.env["BACKWALK_SOCKET"] || SYSTEM_SOCKET
