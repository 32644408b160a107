package raftfix

import (
	"io"

	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/storage/raftlog"
)

// appendFilter knows what this node holds for good, and corrects three things that hashicorp/raft does with requests
// that reach behind that (Ongaro 2014, figure 3.1 and 5.3, has the rules):
//
//   - It installs every snapshot of its term and empties the log. A stream that the network has held up arrives after
//     entries that the same leader has sent since; this node has answered for them, they may be committed by that,
//     and would be gone.
//   - It refuses entries whose predecessor it has compacted, until the leader sends a snapshot, or for ever.
//   - It commits up to its own last entry, though only those before the request's end are known to be the leader's.
type appendFilter struct {
	log       *raftlog.Store
	machine   *fsm.Machine
	snapshots *fsm.Snapshots
}

// holds reports whether the log is to be kept where a snapshot ends with the entry of an index and a term.
func (p appendFilter) holds(index, term uint64) (bool, error) {
	last, _ := p.log.LastIndex() // never fails
	end, err := p.compacted()
	if err != nil || max(last, end) < index {
		return false, err // the snapshot covers all that this node has ever answered for
	}
	var l raft.Log
	if err := p.log.GetLog(index, &l); err == nil {
		return l.Term == term, nil // otherwise it is another leader's log from there on
	}
	return p.machine.Applied().Index >= index, nil
}

// compacted returns the index before which this node has no log any more, but the state. What is there is committed.
func (p appendFilter) compacted() (uint64, error) {
	if first, _ := p.log.FirstIndex(); first > 0 { // never fails
		return first - 1, nil
	}
	metas, err := p.snapshots.List()
	if err != nil || len(metas) == 0 {
		return 0, err
	}
	return metas[0].Index, nil
}

// reaches reports whether the predecessor of a request's entries, or some of them, are compacted here.
func (p appendFilter) reaches(req *raft.AppendEntriesRequest) bool {
	end, err := p.compacted()
	return err == nil && req.PrevLogEntry <= end && end > 0 && (req.PrevLogEntry > 0 || len(req.Entries) > 0)
}

// trim takes out of a request what is compacted here. It then begins where the log does, which Raft knows to match.
func (p appendFilter) trim(req *raft.AppendEntriesRequest) {
	end, err := p.compacted()
	if err != nil {
		return // Raft refuses it, and the leader tries again
	}
	for len(req.Entries) > 0 && req.Entries[0].Index <= end {
		req.Entries = req.Entries[1:]
	}
	req.PrevLogEntry, req.PrevLogTerm = 0, 0
}

// limitCommit lets a request commit no more than it is about.
func limitCommit(req *raft.AppendEntriesRequest) {
	req.LeaderCommitIndex = min(req.LeaderCommitIndex, req.PrevLogEntry+uint64(len(req.Entries)))
}

// drainRequests waits until Raft has handled all requests before, and has heard of a leader. It returns Raft's answer.
func (t *Transport) drainRequests(h raft.RPCHeader, term uint64) (*raft.AppendEntriesResponse, error) {
	answer := make(chan raft.RPCResponse, 1)
	t.Hand(raft.RPC{Command: &raft.AppendEntriesRequest{RPCHeader: h, Term: term}, RespChan: answer})
	select {
	case a := <-answer:
		resp, _ := a.Response.(*raft.AppendEntriesResponse)
		return resp, a.Error
	case <-t.done:
		return nil, raft.ErrTransportShutdown
	}
}

// handAppend gives Raft a leader's entries.
func (t *Transport) handAppend(request raft.RPC, req *raft.AppendEntriesRequest) {
	limitCommit(req)
	if t.appends.reaches(req) {
		if resp, err := t.drainRequests(req.RPCHeader, req.Term); err == nil && resp.Success && t.appends.reaches(req) {
			t.appends.trim(req)
		}
	}
	t.Hand(request)
}

// handInstall gives Raft a leader's snapshot if this node needs it.
func (t *Transport) handInstall(request raft.RPC, req *raft.InstallSnapshotRequest) {
	resp, err := t.drainRequests(req.RPCHeader, req.Term)
	held := false
	if err == nil && resp.Success {
		held, err = t.appends.holds(req.LastLogIndex, req.LastLogTerm)
	}
	if err == nil && resp.Success && !held {
		metered, wait := t.streams.receive(request, req, t.done)
		t.wg.Go(wait)
		t.Hand(metered)
		return
	}
	t.wg.Go(func() {
		_, _ = io.Copy(io.Discard, request.Reader) // the link may go on behind it; an error shows there
		if err != nil {
			request.Respond(nil, err)
			return
		}
		request.Respond(&raft.InstallSnapshotResponse{RPCHeader: resp.RPCHeader, Term: resp.Term, Success: held}, nil)
	})
}
