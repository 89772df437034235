// BIRD and Backwalk, each in a network namespace: sessions, routes, faults, and what reaches the kernel. One file per daemon, so that each can be run alone.
import { interopScenarios } from "../support/interop-scenarios.ts"
import { DRIVERS } from "../support/router-daemons.ts"

interopScenarios(DRIVERS.bird, { kernel: true })
