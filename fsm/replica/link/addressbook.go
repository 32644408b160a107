package link

import "sync"

// addressBook is where members say that they are reached, by id, heard over proved links of this node's cluster: the
// configuration may lag behind, and a node that can lead only once it reaches a member cannot wait for a leader to
// change it. An address is where to look: who is found there proves to be the member.
type addressBook struct {
	mu    sync.Mutex
	addrs map[string]string
}

// record keeps the newest word of a member.
func (w *addressBook) record(id, addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.addrs == nil {
		w.addrs = make(map[string]string)
	}
	w.addrs[id] = addr
}

// lookUp returns the address that a member has said to have, or "".
func (w *addressBook) lookUp(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addrs[id]
}
