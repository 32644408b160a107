package command

import (
	"errors"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/hll"
	"cairn/storage/layout"
	"cairn/storage/str"
)

const (
	errNoSketch      reply.UserError = "WRONGTYPE Key is not a valid HyperLogLog string value."
	errCorruptSketch reply.UserError = "INVALIDOBJ Corrupted HLL object detected"
)

func hyperLogLogRows() []Spec {
	return []Spec{
		{Name: "pfadd", Summary: "Adds elements to the HyperLogLog a key holds and says whether that has changed it",
			Cost: "for each element", Exec: Write(raw, runPFAdd)},
		{Name: "pfcount", Summary: "Estimates how many different elements were added to one or several HyperLogLogs",
			Cost: "for each key", Exec: Read(raw, runPFCount)},
		{Name: "pfmerge", Summary: "Makes a HyperLogLog of what was added to several",
			Cost: "where N is the number of keys", Exec: Write(raw, runPFMerge)},
		{Name: "pfdebug", Summary: "Shows how a HyperLogLog is kept, for tests", Cost: "O(1)",
			Exec: Write(raw, runPFDebug)},
		{Name: "pfselftest", Summary: "Compares the HyperLogLog of some elements with what it must be, for tests",
			Cost: "O(1)", Exec: Read(raw, runPFSelfTest)},
	}
}

// sketchOf returns the HyperLogLog that a string is.
func sketchOf(v str.Value) (s hll.Sketch, err error) {
	b, err := v.Slice(0, min(v.Length(), hll.MaxBytes+1)) // what is longer is corrupt without the rest
	if err != nil {
		return s, err
	}
	s, ok := hll.Parse(b)
	if !ok {
		err = errNoSketch
	}
	return s, err
}

// readSketch returns the HyperLogLog at a key; ok is false when the key is absent.
func readSketch(env Env, r storage.Reader, key []byte) (s hll.Sketch, ok bool, err error) {
	v, ok, err := readString(env, r, key)
	if err != nil || !ok {
		return s, false, err
	}
	s, err = sketchOf(v)
	return s, true, err
}

// openSketch is readSketch for a command that changes it.
func openSketch(env Env, t *storage.Txn, key []byte) (e str.Edit, s hll.Sketch, err error) {
	if e, err = openString(env, t, key); err != nil || !e.Live() {
		return e, s, err
	}
	s, err = sketchOf(e.Value)
	return e, s, err
}

// sketchError makes the user's error of a corrupt sketch.
func sketchError(err error) error {
	if errors.Is(err, hll.ErrCorrupt) {
		return errCorruptSketch
	}
	return err
}

func saveSketch(env Env, e *str.Edit, s *hll.Sketch) error {
	s.Stale()
	return e.Replace(layout.AsRaw, env.Version, s.Bytes())
}

func runPFAdd(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	e, s, err := openSketch(env, t, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	changed := !e.Live()
	if changed {
		s = hll.New()
	}
	for _, element := range argv[2:] {
		grown, err := s.Observe(element)
		if err != nil {
			return reply.Reply{}, sketchError(err)
		}
		changed = changed || grown
	}
	if !changed {
		return reply.Int(0), nil
	}
	return reply.Int(1), saveSketch(env, &e, &s)
}

// runPFCount is a read: unlike Redis it leaves no cached count in the string. It uses one that Redis has left.
func runPFCount(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	if len(argv) > 2 {
		all, _, err := mergeSketches(env, r, argv[1:])
		if err != nil {
			return reply.Reply{}, err
		}
		return reply.Int(int64(all.Estimate())), nil
	}
	s, ok, err := readSketch(env, r, argv[1])
	if err != nil || !ok {
		return reply.Int(0), err
	}
	n, ok := s.Cached()
	if !ok {
		n, err = s.Estimate()
	}
	return reply.Int(int64(n)), sketchError(err)
}

// mergeSketches merges those of the keys that are there; dense says that one is.
func mergeSketches(env Env, r storage.Reader, keys [][]byte) (all *hll.Registers, dense bool, err error) {
	all = new(hll.Registers)
	for _, key := range keys {
		s, ok, err := readSketch(env, r, key)
		if err == nil && ok {
			dense = dense || s.Dense()
			err = all.Merge(&s)
		}
		if err != nil {
			return nil, false, sketchError(err)
		}
	}
	return all, dense, nil
}

// runPFMerge changes what is at the destination register by register, as Redis does: its runs follow from that.
func runPFMerge(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	all, dense, err := mergeSketches(env, t, argv[1:])
	if err != nil {
		return reply.Reply{}, err
	}
	e, s, err := openSketch(env, t, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	if !e.Live() {
		s = hll.New()
	}
	if dense {
		if err := s.ToDense(); err != nil {
			return reply.Reply{}, sketchError(err)
		}
	}
	for i, value := range all {
		if value > 0 {
			if _, err := s.Raise(i, value); err != nil {
				return reply.Reply{}, sketchError(err)
			}
		}
	}
	return reply.OK(), saveSketch(env, &e, &s)
}

// runPFDebug makes a dense sketch of the one at the key for GETREG too, as Redis does.
func runPFDebug(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	e, s, err := openSketch(env, t, argv[2])
	switch {
	case err != nil:
		return reply.Reply{}, err
	case !e.Live():
		return reply.Reply{}, reply.UserError("ERR The specified key does not exist")
	}
	sub, was := argv[1], s.Dense()
	switch {
	case isWord(sub, "ENCODING"):
		if was {
			return reply.Statusf("dense"), nil
		}
		return reply.Statusf("sparse"), nil
	case isWord(sub, "DECODE"):
		if was {
			return reply.Reply{}, reply.UserError("ERR HLL encoding is not sparse")
		}
		return reply.BulkString(s.Decode()), nil
	case !isWord(sub, "GETREG") && !isWord(sub, "TODENSE"):
		return reply.Reply{}, reply.Errorf("ERR Unknown PFDEBUG subcommand '%s'", sub)
	}
	if !was {
		if err := s.ToDense(); err != nil {
			return reply.Reply{}, sketchError(err)
		}
		if err := e.Replace(layout.AsRaw, env.Version, s.Bytes()); err != nil {
			return reply.Reply{}, err
		}
	}
	if isWord(sub, "TODENSE") {
		return reply.Flag(!was), nil
	}
	var all hll.Registers
	if err := all.Merge(&s); err != nil {
		return reply.Reply{}, err
	}
	answers := make([]reply.Reply, len(all))
	for i, value := range all {
		answers[i] = reply.Int(int64(value))
	}
	return reply.ArrayOf(answers...), nil
}

func runPFSelfTest(Env, storage.Reader, [][]byte) (reply.Reply, error) {
	if err := hll.SelfTest(); err != nil {
		return reply.Reply{}, reply.Errorf("TESTFAILED %v", err)
	}
	return reply.OK(), nil
}
