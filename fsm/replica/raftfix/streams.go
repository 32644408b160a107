package raftfix

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	"golang.org/x/time/rate"
)

// Stream is a state on its way to a follower that the log cannot catch up.
type Stream struct {
	Peer        string // the follower's id, or the leader's address
	Sending     bool   // this node is the leader
	Bytes, Size int64  // done, and in all
	Began       time.Time
}

// Streams keeps the pace of the streams that this node sends, and knows how far all are.
type Streams struct {
	ctx     context.Context // ends when the replica closes
	limiter *rate.Limiter   // of all streams that are sent; nil is no limit
	log     *slog.Logger
	Begun   chan raft.ServerID // a stream to this follower begins

	mu struct {
		sync.Mutex
		running map[*meter]struct{}
	}
}

// streamPiece is how many bytes are sent at most before the pace is looked at.
const streamPiece = 64 << 10

// NewStreams sends at most bytesPerSecond; 0 is no limit.
func NewStreams(ctx context.Context, bytesPerSecond int64, log *slog.Logger) *Streams {
	s := &Streams{ctx: ctx, log: log, Begun: make(chan raft.ServerID)}
	s.mu.running = make(map[*meter]struct{})
	if bytesPerSecond > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(bytesPerSecond), streamPiece)
	}
	return s
}

// receive puts a meter on a leader's stream. The caller runs wait, which ends with Raft's answer or with done.
func (s *Streams) receive(request raft.RPC, req *raft.InstallSnapshotRequest, done <-chan struct{}) (metered raft.RPC, wait func()) {
	m := s.Begin(Stream{Peer: ParseMemberAddr(string(req.Addr)).Addr, Size: req.Size}, request.Reader)
	answer := make(chan raft.RPCResponse, 1)
	to := request.RespChan
	request.Reader, request.RespChan = m, answer
	return request, func() {
		select {
		case a := <-answer:
			m.End(a.Error)
			to <- a
		case <-done:
			m.End(raft.ErrTransportShutdown)
		}
	}
}

// meter counts what is read through it and, of a stream that is sent, keeps the pace.
type meter struct {
	s      *Streams
	r      io.Reader
	stream Stream // but for Bytes
	bytes  atomic.Int64
	said   time.Time // when progress was last logged
}

// Begin returns r with a meter on it; the caller calls end when the stream is over.
func (s *Streams) Begin(st Stream, r io.Reader) *meter {
	st.Began = time.Now()
	m := &meter{s: s, r: r, stream: st, said: st.Began}
	s.mu.Lock()
	s.mu.running[m] = struct{}{}
	s.mu.Unlock()
	s.log.Info("a stream begins", m.facts()...)
	return m
}

// End notes how the stream ended.
func (m *meter) End(err error) {
	m.s.mu.Lock()
	delete(m.s.mu.running, m)
	m.s.mu.Unlock()
	if err != nil {
		m.s.log.Warn("a stream has failed", append(m.facts(), "err", err)...)
		return
	}
	m.s.log.Info("a stream has ended", m.facts()...)
}

// streamReport is the time between two lines about the progress of a stream.
const streamReport = 5 * time.Second

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p[:min(len(p), streamPiece)])
	m.bytes.Add(int64(n))
	if m.stream.Sending && m.s.limiter != nil && n > 0 {
		if err := m.s.limiter.WaitN(m.s.ctx, n); err != nil {
			return n, err
		}
	}
	if time.Since(m.said) >= streamReport {
		m.said = time.Now()
		m.s.log.Info("a stream goes on", m.facts()...)
	}
	return n, err
}

func (m *meter) now() Stream {
	st := m.stream
	st.Bytes = m.bytes.Load()
	return st
}

func (m *meter) facts() []any {
	st := m.now()
	return []any{"peer", st.Peer, "sending", st.Sending, "bytes", st.Bytes, "of", st.Size, "percent", st.Percent(), "bytes_per_second", st.Rate()}
}

// Percent returns how much of the stream is done.
func (st Stream) Percent() int64 { return 100 * st.Bytes / max(1, st.Size) }

// Rate returns bytes per second since the stream began.
func (st Stream) Rate() int64 {
	return int64(float64(st.Bytes) / max(0.001, time.Since(st.Began).Seconds()))
}

// All returns the streams that run, the oldest first.
func (s *Streams) All() (all []Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for m := range s.mu.running { //lint:sorted below
		all = append(all, m.now())
	}
	slices.SortFunc(all, func(a, b Stream) int { return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Peer, b.Peer)) })
	return all
}
