// Bytes as people write them down, for tests that hold ours beside what iproute2 sent.
export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .replace(/(.{8})/g, "$1 ")
    .trim()

/** The same with any white space and no sequence number or port: both are left to the sender. */
export const captured = (text: string): string =>
  hex(Uint8Array.from(text.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16)))
