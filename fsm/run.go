package fsm

import (
	"github.com/hashicorp/raft"

	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/reply"
	"cairn/storage"
)

// runner is memory for the entry that is run, used again for the next: nothing keeps a call or its list of arguments.
type runner struct {
	decoder   entry.Decoder
	finder    command.Finder
	calls     []entry.Call
	lookahead [lookaheadCalls]*command.Spec
}

// lookaheadCalls is how many calls are looked at before the first of them runs, so that the transaction learns which
// rows they need.
const lookaheadCalls = 64

// parse returns the calls of an entry, group borders left out. They are good until release.
func (r *runner) parse(data []byte) (e entry.Entry, calls []entry.Call, err error) {
	e, err = r.decoder.Parse(data)
	for _, g := range e.Groups {
		r.calls = append(r.calls, g.Calls...)
	}
	return e, r.calls, err
}

// release lets go of the entry. Memory that a large one has taken is not kept.
func (r *runner) release() {
	r.decoder.Release()
	clear(r.calls)
	if r.calls = r.calls[:0]; cap(r.calls) > maxKeptCalls {
		r.calls = nil
	}
}

const maxKeptCalls = 16 << 10

// lookAhead finds the rows of the next calls and tells the transaction which keys they are about. How many calls that
// are depends on how many keys they have.
func (m *Machine) lookAhead(t *storage.Txn, calls []entry.Call) (specs []*command.Spec, err error) {
	more, parts := true, false
	for i := 0; more && i < min(len(calls), lookaheadCalls); i++ {
		s, err := m.runner.finder.Row(m.table, calls[i].Argv)
		if err != nil {
			return nil, err
		}
		m.runner.lookahead[i] = s
		specs = m.runner.lookahead[:i+1]
		more, parts = s.Expect(t, calls[i].DB, calls[i].Argv), parts || s.Parts != nil
	}
	t.Fetch()
	if parts {
		err = expectParts(t, specs, calls)
	}
	return specs, err
}

// expectParts tells the transaction which parts of collections the calls are about: the rows of their keys, which say
// where the parts are, are fetched.
func expectParts(t *storage.Txn, specs []*command.Spec, calls []entry.Call) error {
	more := true
	for i := 0; more && i < len(specs); i++ {
		if specs[i].Parts == nil {
			continue
		}
		var err error
		if more, err = specs[i].ExpectParts(t, calls[i].DB, calls[i].Argv); err != nil {
			return err
		}
	}
	t.Fetch()
	return nil
}

// runEntry runs the calls of one entry, and returns their replies if they are wanted. sum says that one of them asks
// for the state after the entry to be summed up.
func (m *Machine) runEntry(t *storage.Txn, l *raft.Log, wanted bool) (results Results, sum bool, err error) {
	data, whole, err := gather(t, l.Data)
	if err != nil || !whole {
		return nil, false, err
	}
	defer m.runner.release()
	e, calls, err := m.runner.parse(data)
	if err != nil {
		return nil, false, err
	}
	t.SetTime(e.Time)
	if wanted {
		results = make(Results, 0, len(calls))
	}
	read := reads{groups: e.Groups, budget: m.groupReads}
	for at := uint64(0); len(calls) > 0; {
		specs, err := m.lookAhead(t, calls)
		if err != nil {
			return nil, false, err
		}
		for i, s := range specs {
			c := calls[i]
			env := command.Env{DB: c.DB, Now: t.Time(), Seed: mix(e.Seed + at), Version: l.Index<<command.VersionBits | at}
			r, known := read.without(s, wanted)
			if !known {
				if r, err = s.Apply(env, t, c.Argv); err != nil {
					return nil, false, err
				}
				read.size += r.Size()
			}
			if wanted {
				results = append(results, r)
			}
			sum = sum || s.Name == command.ChecksumName
			at++
		}
		calls = calls[len(specs):]
	}
	return results, sum, nil
}

// reads bounds what the reads of an Atomic group may answer, which no transaction and no reply bounds.
type reads struct {
	groups []entry.Group // those that have not begun
	left   int           // calls of the present one
	size   int           // bytes that its calls have answered
	budget int           // for each group
}

// maxGroupReads is how many bytes of replies a group may have collected when it reads once more.
const maxGroupReads = 256 << 20

const errLongGroup reply.UserError = "ERR the replies of this transaction would be longer than 256 MiB"

// without is asked for each call, in their order, and returns the reply to one that need not run: a read, when nobody
// wants its reply or there are too many already. It depends on the node, but a read leaves no trace.
func (r *reads) without(s *command.Spec, wanted bool) (answer reply.Reply, known bool) {
	for r.left == 0 {
		r.left, r.size, r.groups = len(r.groups[0].Calls), 0, r.groups[1:]
	}
	r.left--
	if wanted && r.size < r.budget || s.Writes() {
		return reply.Reply{}, false
	}
	return errLongGroup.Reply(), true
}

// MaxCalls is how many calls one entry may hold.
const MaxCalls = 1 << command.VersionBits

// mix is the finaliser of SplitMix64: neighbouring seeds give unrelated numbers.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
