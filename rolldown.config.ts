// The daemon as few files: an Effect program starts three times faster from a bundle than from its modules. What a command imports
// when it runs (the daemon, the API) stays in files of its own, so that `show` does not load them.
import { defineConfig } from "rolldown"

export default defineConfig({
  input: { backwalk: "src/main.ts" },
  platform: "node",
  output: {
    dir: "dist",
    format: "esm",
    entryFileNames: "[name].mjs",
    chunkFileNames: "backwalk/[name].mjs",
    minify: false,
    // V8 keeps the text of what it runs: without comments, and in one octet a character, which a single arrow in a comment makes two.
    comments: { legal: true, annotation: false, jsdoc: false },
    charset: "ascii",
    sourcemap: true
  }
})
