// Package dump shows what a stopped node's data directory holds. It changes nothing in it.
package dump

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cairn/fsm/entry"
	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/hash"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/list"
	"cairn/storage/raftlog"
	"cairn/storage/set"
	"cairn/storage/str"
	"cairn/storage/zset"
)

// Options says what Run shows beside the summary. Without either, it shows both.
type Options struct {
	Log, Keys bool
	Limit     int // of entries and of keys; 0 is all
}

// Run writes the content of dir to w as text.
func Run(w io.Writer, dir string, o Options) (err error) {
	if !o.Log && !o.Keys {
		o.Log, o.Keys = true, true
	}
	out := bufio.NewWriter(w)
	defer func() { err = errors.Join(err, out.Flush()) }()
	fs := storage.DefaultFS()
	id, err := storage.ReadFile(fs, filepath.Join(dir, "identity.json"))
	if err != nil {
		return fmt.Errorf("dump: %s is not a node's data directory: %w", dir, err)
	}
	fmt.Fprintf(out, "# Identity\n%s\n", strings.TrimSpace(string(id)))
	if err := dumpState(out, filepath.Join(dir, "state"), o); err != nil {
		return err
	}
	return dumpLog(out, filepath.Join(dir, "log"), o)
}

func dumpState(out io.Writer, dir string, o Options) (err error) {
	s, err := storage.Open(dir, storage.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	st := s.State()
	fmt.Fprintf(out, "\n# State\napplied: index %d, term %d\ntime: %s\ncluster: %s\n", st.Index, st.Term, at(st.Time), st.Cluster)
	for i, d := range st.Databases {
		if d.Keys > 0 {
			fmt.Fprintf(out, "db%d: keyspace %d, %d keys, %d with a time to live\n", i, d.Keyspace, d.Keys, d.Expires)
		}
	}
	if err := dumpRecord(out, s); err != nil || !o.Keys {
		return err
	}
	return dumpKeys(out, s, o.Limit)
}

func dumpRecord(out io.Writer, s *storage.Store) error {
	r, ok, err := s.Record()
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\n# Snapshot record\n")
	if !ok {
		fmt.Fprintln(out, "none yet")
		return nil
	}
	fmt.Fprintf(out, "covers: index %d, term %d\nmembership: of index %d\n", r.Index, r.Term, r.ConfigIndex)
	members, err := raftlog.Members(r.Config)
	for _, m := range members {
		fmt.Fprintf(out, "member: %s\n", m)
	}
	return err
}

func dumpKeys(out io.Writer, s *storage.Store, limit int) (err error) {
	v, err := s.View(0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	fmt.Fprint(out, "\n# Keys\n")
	shown := 0
	for db := range uint8(layout.Databases) {
		err := keys.Walk(v, db, 0, func(_ layout.Position, key []byte, row layout.Row) (bool, error) {
			if shown++; limit > 0 && shown > limit {
				return false, nil
			}
			fmt.Fprintf(out, "db%d slot %d %s %q = ", db, layout.Slot(key), row.Type, key)
			if err := dumpValue(out, v, db, row); err != nil {
				return false, err
			}
			if row.ExpireAt != 0 {
				fmt.Fprintf(out, " expires %s", at(row.ExpireAt))
			}
			fmt.Fprintf(out, " (version %d.%d)\n", row.Version>>20, row.Version&(1<<20-1))
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	return more(out, shown, limit)
}

// shownElements is how many elements of a collection are shown.
const shownElements = 16

func dumpValue(out io.Writer, v *storage.View, db uint8, row layout.Row) error {
	switch row.Type {
	case layout.Hash:
		h, err := hash.Of(v, db, row)
		if err != nil {
			return err
		}
		return dumpElements(out, &h, "fields", func(field, value []byte) string {
			return shorten(field) + ": " + shorten(value)
		})
	case layout.Set:
		s, err := set.Of(v, db, row)
		if err != nil {
			return err
		}
		return dumpElements(out, &s, "members", func(member, _ []byte) string { return shorten(member) })
	case layout.List:
		return dumpList(out, v, db, row)
	case layout.String:
		return dumpString(out, v, db, row)
	case layout.SortedSet:
		return dumpZset(out, v, db, row)
	}
	fmt.Fprint(out, shorten(row.Payload))
	return nil
}

func dumpZset(out io.Writer, v *storage.View, db uint8, row layout.Row) error {
	z, err := zset.Of(v, db, row)
	if err != nil {
		return err
	}
	shown := 0
	err = z.WalkRanks(0, func(member []byte, score float64) (bool, error) {
		if shown++; shown > shownElements {
			return false, nil
		}
		fmt.Fprintf(out, "%s: %g, ", shorten(member), score)
		return true, nil
	})
	fmt.Fprintf(out, "%d members", z.Len())
	if z.Large() {
		fmt.Fprint(out, " in rows of their own")
	}
	return err
}

func dumpList(out io.Writer, v *storage.View, db uint8, row layout.Row) error {
	l, err := list.Of(v, db, row)
	if err != nil {
		return err
	}
	shown := 0
	err = l.Walk(0, func(entry []byte) (bool, error) {
		if shown++; shown > shownElements {
			return false, nil
		}
		fmt.Fprintf(out, "%s, ", shorten(entry))
		return true, nil
	})
	fmt.Fprintf(out, "%d elements", l.Entries())
	if !l.Alone() {
		fmt.Fprint(out, " in rows of their own")
	}
	return err
}

func dumpString(out io.Writer, v *storage.View, db uint8, row layout.Row) error {
	s, err := str.Of(v, db, row)
	if err != nil {
		return err
	}
	head, err := s.Slice(0, min(s.Length(), shownBytes))
	fmt.Fprint(out, shortened(head, s.Length()))
	if row.Parts != 0 {
		fmt.Fprint(out, " in pages")
	}
	return err
}

func dumpElements(out io.Writer, c elements.Source, what string, text func(name, value []byte) string) error {
	shown := 0
	err := c.Walk(func(name, value []byte) (bool, error) {
		if shown++; shown > shownElements {
			return false, nil
		}
		fmt.Fprint(out, text(name, value), ", ")
		return true, nil
	})
	fmt.Fprintf(out, "%d %s", c.Len(), what)
	if c.Large() {
		fmt.Fprint(out, " in rows of their own")
	}
	return err
}

func dumpLog(out io.Writer, dir string, o Options) (err error) {
	l, err := raftlog.Open(dir, raftlog.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	first, err := l.FirstIndex()
	if err != nil {
		return err
	}
	last, err := l.LastIndex()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n# Log\nentries: %d to %d\n", first, last)
	err = l.StableValues(func(key, value []byte) error {
		fmt.Fprintf(out, "%s: %q\n", key, value)
		return nil
	})
	if err != nil || !o.Log || last == 0 {
		return err
	}
	if o.Limit > 0 && last-first >= uint64(o.Limit) {
		first = last - uint64(o.Limit) + 1
		fmt.Fprintf(out, "(the newest %d; more with --limit)\n", o.Limit)
	}
	return l.Entries(first, last, func(e *raftlog.Entry) error { return dumpEntry(out, e) })
}

func dumpEntry(out io.Writer, l *raftlog.Entry) error {
	kind := strings.TrimPrefix(l.Type.String(), "Log")
	fmt.Fprintf(out, "%d term %d %s", l.Index, l.Term, kind)
	switch kind {
	case "Configuration":
		members, err := raftlog.Members(l.Data)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, " %s", strings.Join(members, ", "))
	case "Command":
		dumpCommand(out, l.Data)
	}
	_, err := fmt.Fprintln(out)
	return err
}

func dumpCommand(out io.Writer, data []byte) {
	e, err := entry.Parse(data)
	if err != nil {
		fmt.Fprintf(out, " %v", err)
		return
	}
	fmt.Fprintf(out, " time %s seed %x", at(e.Time), e.Seed)
	for _, g := range e.Groups {
		for _, c := range g.Calls {
			fmt.Fprintf(out, "\n    db%d", c.DB)
			for _, a := range c.Argv {
				fmt.Fprint(out, " ", shorten(a))
			}
		}
	}
}

func more(out io.Writer, shown, limit int) error {
	if limit > 0 && shown > limit {
		_, err := fmt.Fprintf(out, "(the first %d; more with --limit)\n", limit)
		return err
	}
	return nil
}

// shownBytes is how much of a text is shown.
const shownBytes = 64

// shorten quotes b, and cuts it where it is long.
func shorten(b []byte) string { return shortened(b[:min(len(b), shownBytes)], len(b)) }

// shortened quotes the head of a text of size bytes.
func shortened(head []byte, size int) string {
	if len(head) == size {
		return strconv.Quote(string(head))
	}
	return fmt.Sprintf("%q… (%d bytes)", head, size)
}

func at(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
