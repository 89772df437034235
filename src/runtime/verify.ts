// Whether this process looks after its buffers at a price: what is freed is overwritten, and who reads or writes it afterwards is found
// out. A variable of the environment and not a key of the configuration, for it says nothing about routing: `BACKWALK_VERIFY=yes`. The
// tests against other people's daemons run with it.

export const verifiesBuffers: boolean = process.env["BACKWALK_VERIFY"] === "yes"
