// Columns are typed arrays indexed by an identity (prefix, path-list). They grow by moving, never shrink, and start as zeros, so zero
// always means "nothing here".
export { type Column, grown } from "../machine/index.ts"
