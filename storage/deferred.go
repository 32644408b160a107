package storage

// Deferred is a collection that was changed and is not written yet: a group of calls about one collection writes it
// once, not once a call.
//
// What a transaction becomes does not depend on when that is, and so may not what Flush writes.
type Deferred interface {
	// Flush writes what was changed. It may ask the transaction for parts that nobody else writes, and for anything
	// once it has been written.
	Flush() error
}

// Defer keeps d until somebody asks for a key row, whichever, or the time or the databases change; Flush is called
// before. Only one is kept.
func (t *Txn) Defer(d Deferred) error {
	if t.deferred != d {
		t.writeDeferred()
	}
	t.deferred = d
	return t.failed
}

// Withdraw takes d back, if it is kept, unwritten: it is about to write what Flush would, or more.
func (t *Txn) Withdraw(d Deferred) {
	if t.deferred == d {
		t.deferred = nil
	}
}

// Deferred returns what is kept, nil when nothing is.
func (t *Txn) Deferred() Deferred { return t.deferred }

// writeDeferred writes what is deferred. Where that fails the transaction cannot be committed.
func (t *Txn) writeDeferred() {
	if d := t.deferred; d != nil {
		t.deferred = nil
		if err := d.Flush(); err != nil && t.failed == nil {
			t.failed = err
		}
	}
}
