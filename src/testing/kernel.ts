// The model kernel for whoever tests against Backwalk: the same machine that the daemon uses when it may not touch the real one.
export {
  askModelKernel,
  createModelKernel,
  type ModelAddress,
  type ModelKernel,
  type ModelKernelAnswer,
  type ModelKernelEffect,
  type ModelKernelEvent,
  type ModelLink,
  type ModelNeighbour,
  type ModelRoute,
  modelKernel,
  modelKernelEffects
} from "../netlink/index.ts"
