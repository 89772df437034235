// BIRD and Backwalk: every capability that both have, from both sides. One file per daemon, so that each can be run alone.
import { birdCapabilities } from "../support/capability-bird.ts"
import { capabilityChecks } from "../support/capability-checks.ts"

capabilityChecks(birdCapabilities)
