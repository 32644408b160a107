package main

// load is what a node has to do. Of what it counts only the growth matters.
type load struct {
	busy   func() bool                  // it works in the background
	served func() (calls, reads uint64) // of clients, and from their connections
}
