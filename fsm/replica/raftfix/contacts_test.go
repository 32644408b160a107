package raftfix

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// TestMajority: what counts for a leader is when a majority of the voters was asked, in its own term.
func TestMajority(t *testing.T) {
	begin := time.Now()
	at := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Second) }
	type answer struct {
		id   raft.ServerID
		term uint64
		sent int
	}
	voters := func(ids ...raft.ServerID) (v []raft.Server) {
		for _, id := range ids {
			v = append(v, raft.Server{ID: id})
		}
		return v
	}
	three := voters("n1", "n2", "n3")
	for _, c := range []struct {
		name    string
		answers []answer
		voters  []raft.Server
		want    time.Time
	}{
		{"nobody", nil, three, time.Time{}},
		{"one of two", []answer{{"n2", 5, 1}}, three, at(1)},
		{"the faster of two", []answer{{"n2", 5, 1}, {"n3", 5, 4}}, three, at(4)},
		{"an answer that comes late to an old request", []answer{{"n2", 5, 4}, {"n2", 5, 1}}, three, at(4)},
		{"a learner does not count", []answer{{"n4", 5, 9}}, three, time.Time{}},
		{"an earlier term does not count", []answer{{"n2", 4, 9}}, three, time.Time{}},
		{"nor while another peer has answered in this one", []answer{{"n2", 4, 9}, {"n3", 5, 1}}, three, at(1)},
		{"a later term ends this one", []answer{{"n2", 5, 1}, {"n2", 6, 2}}, three, time.Time{}},
		{"the second of four", []answer{{"n2", 5, 3}, {"n3", 5, 2}, {"n4", 5, 1}}, voters("n1", "n2", "n3", "n4", "n5"), at(2)},
		{"one of four", []answer{{"n2", 5, 3}}, voters("n1", "n2", "n3", "n4", "n5"), time.Time{}},
		{"a leader that is no voter", []answer{{"n2", 5, 3}, {"n3", 5, 2}}, voters("n2", "n3"), at(2)},
	} {
		t.Run(c.name, func(t *testing.T) {
			contacts := NewContacts()
			for _, a := range c.answers {
				contacts.Answered(a.id, a.term, at(a.sent))
			}
			if got := contacts.Majority(5, "n1", c.voters); !got.Equal(c.want) {
				t.Errorf("the majority is of %v, want %v", got, c.want)
			}
		})
	}
	if got := NewContacts().Majority(5, "n1", voters("n1")); got.Before(begin) {
		t.Errorf("a lone voter's majority is of %v, want now", got)
	}
}

// TestAwaitContact: an append that has failed is not tried again before the peer answers a heartbeat, however long
// that takes, and at once then; a leadership that ends, or a peer that is no member any more, ends the wait.
func TestAwaitContact(t *testing.T) {
	const away = time.Hour
	for name, tt := range map[string]struct {
		happens func(c *Contacts, unwanted *atomic.Bool, done chan struct{})
		within  time.Duration
	}{
		"the peer is back":     {func(c *Contacts, _ *atomic.Bool, _ chan struct{}) { c.reached("n2", time.Now()) }, 0},
		"it is wanted no more": {func(_ *Contacts, unwanted *atomic.Bool, _ chan struct{}) { unwanted.Store(true) }, contactTick},
		"the node stops":       {func(_ *Contacts, _ *atomic.Bool, done chan struct{}) { close(done) }, 0},
		"another peer and a late one": {func(c *Contacts, _ *atomic.Bool, _ chan struct{}) {
			c.reached("n3", time.Now())
			c.reached("n2", time.Now().Add(-2*away))
			<-time.After(away)
			c.reached("n2", time.Now())
		}, away},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, unwanted, done := NewContacts(), new(atomic.Bool), make(chan struct{})
				failed := time.Now()
				go func() {
					<-time.After(away)
					tt.happens(c, unwanted, done)
				}()
				c.await("n2", failed, func() bool { return !unwanted.Load() }, done)
				if took := time.Since(failed); took < away || took > away+tt.within {
					t.Errorf("it waited %v, want %v and up to %v", took, away, tt.within)
				}
			})
		})
	}
}
