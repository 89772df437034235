// The pure rooms must not import the runtime: tsconfig.pure.json maps effect to this empty module.
export {}
