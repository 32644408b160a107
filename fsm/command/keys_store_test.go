package command

import (
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/layout"
)

// keyStore runs commands on a store in memory, several in one transaction where a test wants that.
type keyStore struct {
	t     testing.TB
	fs    storage.FS
	s     *storage.Store
	table *Table
	txn   *storage.Txn // nil between transactions
	db    uint8
	now   int64
	index uint64
}

func newKeyStore(t testing.TB) *keyStore {
	s := &keyStore{t: t, fs: vfs.NewMem(), table: NewTable(Rows()), now: 1000, index: 1}
	s.open()
	t.Cleanup(func() {
		s.commit()
		if err := s.s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *keyStore) open() {
	store, err := storage.Open("keys", storage.Options{FS: s.fs})
	if err != nil {
		s.t.Fatal(err)
	}
	s.s = store
}

// restart closes the store and opens it again.
func (s *keyStore) restart() {
	s.commit()
	if err := s.s.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.open()
}

// write runs a call in the transaction, which it begins where there is none.
func (s *keyStore) write(argv ...string) reply.Reply {
	s.t.Helper()
	if s.txn == nil {
		txn, err := s.s.Begin()
		if err != nil {
			s.t.Fatal(err)
		}
		s.txn = txn
	}
	s.txn.SetTime(s.now)
	s.index++
	r, err := s.table.Apply(Env{DB: s.db, Now: s.txn.Time(), Seed: s.index, Version: s.index << 20}, s.txn, words(argv))
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// commit ends the transaction, if there is one.
func (s *keyStore) commit() {
	s.t.Helper()
	if s.txn == nil {
		return
	}
	if err := s.txn.Commit(storage.Applied{Index: s.index, Term: 1}); err != nil {
		s.t.Fatal(err)
	}
	s.txn = nil
}

// view commits and runs fn on a view.
func (s *keyStore) view(fn func(v *storage.View)) {
	s.t.Helper()
	s.commit()
	v, err := s.s.View(s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := v.Close(); err != nil {
			s.t.Fatal(err)
		}
	}()
	fn(v)
}

// read commits and runs a call that reads.
func (s *keyStore) read(argv ...string) (r reply.Reply) {
	s.t.Helper()
	s.view(func(v *storage.View) {
		var err error
		if r, err = s.table.Query(Env{DB: s.db, Now: v.Time()}, v, words(argv)); err != nil {
			s.t.Fatal(err)
		}
	})
	return r
}

func words(argv []string) [][]byte {
	var b [][]byte
	for _, a := range argv {
		b = append(b, []byte(a))
	}
	return b
}

// checkAccounts holds the counts of all databases against their rows, and each row that expires against its expiry row.
func (s *keyStore) checkAccounts() {
	s.t.Helper()
	s.view(func(v *storage.View) {
		for db := range uint8(layout.Databases) {
			s.checkDatabase(v, v.Database(db), strconv.Itoa(int(db)))
		}
	})
}

func (s *keyStore) checkDatabase(v *storage.View, d layout.Database, name string) {
	s.t.Helper()
	rows, expires := uint64(0), uint64(0)
	lo, hi := layout.AppendPosition(nil, d.Keyspace, 0), layout.AppendPosition(nil, d.Keyspace, layout.EndPosition)
	err := v.Scan(lo, hi, func(k, b []byte) (bool, error) {
		_, _, key, err := layout.ParseKey(k)
		if err != nil {
			return false, err
		}
		row, err := layout.ParseRow(b)
		if rows++; err != nil || row.ExpireAt == 0 {
			return true, err
		}
		expires++
		e, err := v.Get(layout.AppendExpiry(nil, row.ExpireAt, d.Keyspace, key))
		if e == nil {
			s.t.Errorf("database %s: %q expires at %d and has no expiry row", name, key, row.ExpireAt)
		}
		return true, err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if d.Keys != rows || d.Expires != expires {
		s.t.Errorf("database %s counts %d keys, %d that expire; its rows are %d and %d", name, d.Keys, d.Expires, rows, expires)
	}
}
