//go:build !cairnsim || !go1.26 || go1.27

package sim

// simulating says that this binary was built to be a world.
const simulating = false

func countMutexes() {}
