package transcript

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"cairn/fsm/command"
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/layout"
	"cairn/storage/str"
)

// Bare executes the commands of the table on a store of its own, without a log or a network: each write is one
// transaction with the next index. It is a connection too: it has a selected database. It is for one goroutine.
//
// Its time stands still at the moment it was made until Advance moves it, so that TTL is exact.
type Bare struct {
	store *storage.Store
	table *command.Table
	db    uint8
	now   int64
	index uint64
	calls uint64 // for seed
	proto int
}

// NewBare makes an empty store in fs, normally vfs.NewMem(), and closes it at the end of the test. Rows are the
// commands that it knows, normally command.Rows().
func NewBare(t testing.TB, fs storage.FS, rows []command.Spec) *Bare {
	t.Helper()
	store, err := storage.Open("bare", storage.Options{FS: fs, CacheBytes: 4 << 20, MemTableBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Bare{store: store, table: command.NewTable(rows), now: time.Now().UnixMilli(), proto: 2}
}

// Advance moves the time on.
func (b *Bare) Advance(d time.Duration) { b.now += d.Milliseconds() }

// SetTime sets the time, in Unix milliseconds. A time before that of the newest write counts as that.
func (b *Bare) SetTime(now int64) { b.now = now }

// Time returns the time, in Unix milliseconds.
func (b *Bare) Time() int64 { return b.now }

// SetProto makes replies those of RESP version 2, which is the default, or 3.
func (b *Bare) SetProto(proto int) { b.proto = proto }

// Store returns the store that the commands work on.
func (b *Bare) Store() *storage.Store { return b.store }

// Do implements Doer.
func (b *Bare) Do(argv [][]byte) (reply.Reply, error) {
	r, err := b.do(argv)
	return Wire(r, b.proto), err
}

func (b *Bare) do(argv [][]byte) (reply.Reply, error) {
	if strings.EqualFold(string(argv[0]), "select") {
		return b.selectDB(argv), nil
	}
	spec, err := b.table.Resolve(argv)
	if err == nil && spec.Exec != nil {
		err = spec.Exec.Check(argv)
	}
	var user reply.UserError
	switch {
	case errors.As(err, &user):
		return user.Reply(), nil
	case err != nil:
		return reply.Reply{}, err
	}
	switch exec := spec.Exec.(type) {
	case command.Reading:
		return b.read(exec, argv)
	case command.Writing:
		return b.write(exec, argv)
	}
	return reply.Reply{}, fmt.Errorf("transcript: a bare store cannot execute %q", argv[0])
}

// selectDB is SELECT, which belongs to the connection and not to the table's keyspace rows.
func (b *Bare) selectDB(argv [][]byte) reply.Reply {
	if len(argv) != 2 {
		return reply.WrongArity("select").Reply()
	}
	n, ok := str.ParseInt(argv[1])
	switch {
	case !ok:
		return reply.ErrNotInteger.Reply()
	case n < math.MinInt32 || n > math.MaxInt32:
		return reply.Errorf("ERR value is out of range, value must between %d and %d", math.MinInt32, math.MaxInt32).Reply()
	case n < 0 || n >= layout.Databases:
		return reply.ErrDBIndex.Reply()
	}
	b.db = uint8(n)
	return reply.OK()
}

func (b *Bare) read(exec command.Reading, argv [][]byte) (r reply.Reply, err error) {
	v, err := b.store.View(b.now)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	return exec.Run(command.Env{DB: b.db, Now: v.Time(), Seed: b.seed()}, v, argv)
}

func (b *Bare) write(exec command.Writing, argv [][]byte) (reply.Reply, error) {
	b.index++
	t, err := b.store.Begin()
	if err != nil {
		return reply.Reply{}, err
	}
	t.SetTime(b.now)
	size, counts := t.Size(), databases(t)
	env := command.Env{DB: b.db, Now: t.Time(), Seed: b.seed(), Version: b.index << 20}
	r, err := exec.Run(env, t, argv)
	if err == nil && r.Kind == reply.Error && (t.Size() != size || databases(t) != counts) {
		err = fmt.Errorf("transcript: %q answers %q, yet it has changed the keyspace", argv, r.Str)
	}
	if err != nil {
		t.Discard()
		return reply.Reply{}, err
	}
	return r, t.Commit(storage.Applied{Index: b.index, Term: 1})
}

func databases(r storage.Reader) (all [layout.Databases]layout.Database) {
	for db := range all {
		all[db] = r.Database(uint8(db))
	}
	return all
}

// seed returns a different number for each call, the same in every run (splitmix64).
func (b *Bare) seed() uint64 {
	b.calls++
	z := b.calls * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
