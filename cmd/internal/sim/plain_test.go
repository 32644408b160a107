//go:build !cairnsim || !go1.26 || go1.27

package sim

func countMutexes() { panic("sim: a world is built with the tag cairnsim, by Go 1.26") }
