package command

import (
	"bytes"

	"cairn/fsm/reply"
	"cairn/storage"
)

// Listing is a Reading whose answer may be longer than memory.
type Listing interface {
	Reading
	// Elements looks up what the answer consists of. Its error is one that Run would answer or return.
	Elements(env Env, r storage.Reader, argv [][]byte) (Elements, error)
	// Alone says that a call is long work even where its answer is short: no other call waits for it.
	Alone() bool
}

// Elements is an answer element by element.
type Elements struct {
	Kind reply.Kind // Array, Set, Map or Pairs
	Len  int        // how many there are, keys and values counted alike; -1 when only walking tells
	Slow bool       // to find them takes long, however few there are
	// Each hands the elements to yield, until yield fails. Asked again it does the same again. What an element consists
	// of is good until yield returns, or, if Keep is set, as long as anybody has it.
	Each func(yield func(reply.Reply) error) error
	Keep bool
}

// List makes the Exec of a command that only reads, and whose answer may be longer than memory.
func List(open func(env Env, r storage.Reader, argv [][]byte) (Elements, error)) Exec {
	return listing{Read(raw, func(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
		found, err := open(env, r, argv)
		if err != nil {
			return reply.Reply{}, err
		}
		return found.collect(maxReplyBytes)
	}).(Reading), open, false}
}

// ListAlone is List for a command whose calls are long work, see Listing.
func ListAlone(open func(env Env, r storage.Reader, argv [][]byte) (Elements, error)) Exec {
	x := List(open).(listing)
	x.alone = true
	return x
}

type listing struct {
	Reading
	open  func(Env, storage.Reader, [][]byte) (Elements, error)
	alone bool
}

func (x listing) Elements(env Env, r storage.Reader, argv [][]byte) (Elements, error) {
	return x.open(env, r, argv)
}

func (x listing) Alone() bool { return x.alone }

// elemBytes is what an element of an answer costs beside its bytes, about.
const elemBytes = 72

// collect returns the answer as a whole; errLongReply when it takes more than most bytes of memory.
func (x Elements) collect(most int) (reply.Reply, error) {
	if x.Len > most/elemBytes {
		return reply.Reply{}, errLongReply
	}
	answer, size := reply.Reply{Kind: x.Kind, Elems: make([]reply.Reply, 0, max(x.Len, 0))}, 0
	err := x.Each(func(e reply.Reply) error {
		if size += elemBytes + len(e.Str); size > most {
			return errLongReply
		}
		if !x.Keep {
			e.Str = bytes.Clone(e.Str)
		}
		answer.Elems = append(answer.Elems, e)
		return nil
	})
	if err != nil {
		return reply.Reply{}, err
	}
	return answer, nil
}

// maxReplyBytes bounds what is in memory of one reply: one short MGET can name a long value a million times. A Listing
// has no bound where its elements are written as they are found, and this one inside a transaction; maxBriefBytes is
// how much is gathered before it is found out which of them it is to be.
const (
	maxReplyBytes = 256 << 20
	maxBriefBytes = 1 << 20
)

// errLongReply says that an answer would take more memory than it may.
const errLongReply reply.UserError = "ERR the reply would be longer than 256 MiB, ask for less at a time"

// brief answers a call if the answer takes little memory, else by reply.Long.
func brief(env Env, r storage.Reader, x Listing, argv [][]byte) (reply.Reply, error) {
	found, err := x.Elements(env, r, argv)
	if err != nil {
		return failed(err)
	}
	var answer reply.Reply
	if !found.Slow {
		answer, err = found.collect(maxBriefBytes)
	}
	if found.Slow || err == errLongReply {
		return reply.Reply{Kind: reply.Long}, nil
	}
	return answer, err
}
