package resp

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// fakeBackend is a Backend without a store. The zero value answers every write with OK and every read with its key; its
// functions change that.
type fakeBackend struct {
	write func(ctx context.Context, groups []entry.Group) ([]reply.Reply, error)
	read  func(ctx context.Context, c replica.Consistency, calls []entry.Call) ([]reply.Reply, error)
	list  func(to reply.Lister) error
	link  func(net.Conn)

	mu struct {
		sync.Mutex
		status  replica.Status
		groups  []entry.Group
		reads   [][]entry.Call
		changes []replica.Change
		refuse  error // what Change answers
	}
}

func (b *fakeBackend) Write(ctx context.Context, groups []entry.Group) ([]reply.Reply, error) {
	b.mu.Lock()
	b.mu.groups = append(b.mu.groups, cloneGroups(groups)...)
	b.mu.Unlock()
	if b.write != nil {
		return b.write(ctx, groups)
	}
	var replies []reply.Reply
	for _, g := range groups {
		for range g.Calls {
			replies = append(replies, reply.OK())
		}
	}
	return replies, nil
}

func (b *fakeBackend) Read(ctx context.Context, c replica.Consistency, calls []entry.Call) ([]reply.Reply, error) {
	b.mu.Lock()
	b.mu.reads = append(b.mu.reads, calls)
	b.mu.Unlock()
	if b.read != nil {
		return b.read(ctx, c, calls)
	}
	var replies []reply.Reply
	for _, call := range calls {
		replies = append(replies, reply.BulkBytes(call.Argv[1]))
	}
	return replies, nil
}

func (b *fakeBackend) List(ctx context.Context, c replica.Consistency, call entry.Call, to reply.Lister) error {
	if b.list != nil {
		return b.list(to)
	}
	return to(reply.Array, 1, func(yield func(reply.Reply) error) error { return yield(reply.BulkBytes(call.Argv[1])) })
}

func (b *fakeBackend) Status() replica.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.status
}

func (b *fakeBackend) Leader() replica.Leader {
	st := b.Status()
	return replica.Leader{ID: st.LeaderID, Addr: st.LeaderAddr, Self: st.LeaderID != "" && st.LeaderID == st.ID}
}

func (b *fakeBackend) setStatus(st replica.Status) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.status = st
}

func (b *fakeBackend) ServeLink(nc net.Conn) {
	if b.link != nil {
		b.link(nc)
	}
}

func (b *fakeBackend) Change(_ context.Context, c replica.Change) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.changes = append(b.mu.changes, c)
	return b.mu.refuse
}

// startServer serves on a port of its own until the test ends.
func startServer(t testing.TB, o Options) (*Server, string) {
	t.Helper()
	if o.Backend == nil {
		o.Backend = &fakeBackend{}
	}
	s := NewServer(o)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, ln.Addr().String()
}

// cloneGroups returns groups that live on: the caller of Write uses its memory again.
func cloneGroups(groups []entry.Group) (all []entry.Group) {
	for _, g := range groups {
		calls := make([]entry.Call, len(g.Calls))
		for i, c := range g.Calls {
			calls[i].DB = c.DB
			for _, a := range c.Argv {
				calls[i].Argv = append(calls[i].Argv, bytes.Clone(a))
			}
		}
		all = append(all, entry.Group{Calls: calls, Atomic: g.Atomic})
	}
	return all
}
