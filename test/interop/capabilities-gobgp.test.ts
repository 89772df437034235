// GoBGP and Backwalk: every capability that both have, from both sides. One file per daemon, so that each can be run alone.
import { capabilityChecks } from "../support/capability-checks.ts"
import { gobgpCapabilities } from "../support/capability-gobgp.ts"

capabilityChecks(gobgpCapabilities)
