// One run for every kind of test. `isolate: false`: tests share nothing, so files need no process of their own.
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/seed.ts"],
    isolate: false,
    // Limits for what hangs. Machines are shared: none is a time that anything is expected to take.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 60_000 } },
    coverage: { provider: "v8", include: ["src/**"], reporter: ["text-summary"] }
  }
})
