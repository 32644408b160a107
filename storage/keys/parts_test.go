package keys_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// toy is a type as hash, set or sorted set will be one: names with values. Up to smallToy of them are kept together, in
// the payload of the key row; more in parts, and then the payload is their number.
const toy layout.Type = 200

const smallToy = 4

// toySet sets a name of the toy at a key, which it makes when it is not there.
func toySet(t testing.TB, txn *storage.Txn, db uint8, key, name, value string) {
	t.Helper()
	s, err := keys.Open(txn, db, []byte(key))
	must(t, err)
	row := s.Row
	if !s.Live || row.Type != toy {
		row = layout.Row{Type: toy}
	}
	if row.Parts == 0 {
		all := toyParse(row.Payload)
		all[name] = value
		if len(all) <= smallToy {
			row.Payload = toyAppend(all)
			must(t, s.Put(row))
			return
		}
		row.Parts, row.Payload = txn.NewParts(), binary.AppendUvarint(nil, uint64(len(all)))
		must(t, s.Put(row))
		for _, name := range slices.Sorted(maps.Keys(all)) {
			toyPart(t, &s, name).Put([]byte(all[name]))
		}
		return
	}
	p := toyPart(t, &s, name)
	if p.Value == nil {
		n, _ := binary.Uvarint(row.Payload)
		row.Payload = binary.AppendUvarint(nil, n+1)
		must(t, s.Put(row))
	}
	p.Put([]byte(value))
}

func toyPart(t testing.TB, s *keys.Handle, name string) *keys.Part {
	t.Helper()
	p, err := s.Part([]byte(name))
	must(t, err)
	return &p
}

// toyRemove removes a name, and the key with the last one.
func toyRemove(t testing.TB, txn *storage.Txn, db uint8, key, name string) {
	t.Helper()
	s, err := keys.Open(txn, db, []byte(key))
	must(t, err)
	row := s.Row
	if !s.Live || row.Type != toy {
		return
	}
	left := uint64(0)
	if row.Parts == 0 {
		all := toyParse(row.Payload)
		delete(all, name)
		left, row.Payload = uint64(len(all)), toyAppend(all)
	} else {
		left, _ = binary.Uvarint(row.Payload)
		if toyPart(t, &s, name).Remove() {
			left--
		}
		row.Payload = binary.AppendUvarint(nil, left)
	}
	if left == 0 {
		_, err = s.Remove()
	} else {
		err = s.Put(row)
	}
	must(t, err)
}

// toyGet looks one name up, as a reader does.
func toyGet(t testing.TB, r storage.Reader, db uint8, key, name string) (value string, ok bool) {
	t.Helper()
	row, live, err := keys.Lookup(r, db, []byte(key))
	must(t, err)
	if !live || row.Type != toy {
		return "", false
	}
	if row.Parts == 0 {
		value, ok = toyParse(row.Payload)[name]
		return value, ok
	}
	b, err := keys.LookupPart(r, db, row, []byte(name))
	must(t, err)
	return string(b), b != nil
}

// toyAll reads all names.
func toyAll(t testing.TB, r storage.Reader, db uint8, row layout.Row) map[string]string {
	t.Helper()
	if row.Parts == 0 {
		return toyParse(row.Payload)
	}
	all, last := map[string]string{}, ""
	must(t, keys.WalkParts(r, db, row, nil, func(name, value []byte) (bool, error) {
		if len(all) > 0 && string(name) <= last {
			t.Errorf("%q comes after %q", name, last)
		}
		last = string(name)
		all[last] = string(value)
		return true, nil
	}))
	if n, _ := binary.Uvarint(row.Payload); n != uint64(len(all)) {
		t.Errorf("%d parts are counted, %d are there", n, len(all))
	}
	return all
}

func toyParse(b []byte) map[string]string {
	all := map[string]string{}
	for pairs := strings.Split(string(b), "\x00"); len(pairs) > 1; pairs = pairs[2:] {
		all[pairs[0]] = pairs[1]
	}
	return all
}

func toyAppend(all map[string]string) (b []byte) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b = append(b, name+"\x00"+all[name]+"\x00"...)
	}
	return b
}

// toyModel is what toys are: the names of each key of each database.
type toyModel map[string]map[string]string

func toyID(db uint8, key string) string { return fmt.Sprint(db, " ", key) }

// check compares every key of two databases with the model, and counts the rows of parts: none may be left of
// collections that are gone.
func (m toyModel) check(t *testing.T, r storage.Reader) {
	t.Helper()
	parts, found := 0, 0
	for db := range uint8(2) {
		must(t, keys.Walk(r, db, 0, func(_ layout.Position, key []byte, row layout.Row) (bool, error) {
			found++
			want, all := m[toyID(db, string(key))], map[string]string{}
			if row.Type == toy {
				all = toyAll(t, r, db, row)
			}
			if !maps.Equal(all, want) {
				t.Fatalf("%s in %d is %q, want %q", key, db, all, want)
			}
			if row.Parts != 0 {
				parts += len(all)
			}
			return true, nil
		}))
	}
	if found != len(m) {
		t.Fatalf("there are %d keys, want %d", found, len(m))
	}
	must(t, r.Scan([]byte{layout.TagPart}, []byte{layout.TagPart + 1}, func(k, _ []byte) (bool, error) {
		parts--
		return true, nil
	}))
	if parts != 0 {
		t.Fatalf("%d rows of parts are missing", parts)
	}
}

// TestParts does to toys, small and large, whatever a client may do to a key, in transactions and across flushes, and
// compares with maps.
func TestParts(t *testing.T) {
	seed := rand.Uint64()
	t.Cleanup(func() { t.Logf("seed %d", seed) })
	rnd := rand.New(rand.NewPCG(seed, 0))
	s, m := newStore(t), toyModel{}
	key := func() string { return fmt.Sprint("k", rnd.IntN(5)) }
	name := func() string { return fmt.Sprint("n", rnd.IntN([]int{4, 10, 200}[rnd.IntN(3)])) }
	for now := int64(1); now <= 300; now++ {
		s.apply(now, func(txn *storage.Txn) {
			for range 1 + rnd.IntN(60) {
				db, k := uint8(rnd.IntN(2)), key()
				changeToy(t, rnd, txn, m, db, k, name)
				if rnd.IntN(20) == 0 {
					n := name()
					v, ok := toyGet(t, txn, db, k, n)
					if want, there := m[toyID(db, k)][n]; ok != there || v != want {
						t.Fatalf("%s of %s in %d is %q, %v, want %q, %v", n, k, db, v, ok, want, there)
					}
				}
			}
			if rnd.IntN(5) == 0 {
				m.check(t, txn)
			}
		})
		if rnd.IntN(10) == 0 {
			must(t, s.s.Sync())
		}
		s.view(now, func(v *storage.View) { m.check(t, v) })
	}
}

// changeToy does one random thing to a key.
func changeToy(t *testing.T, rnd *rand.Rand, txn *storage.Txn, m toyModel, db uint8, key string, name func() string) {
	t.Helper()
	id := toyID(db, key)
	open := func(db uint8, key string) *keys.Handle {
		s, err := keys.Open(txn, db, []byte(key))
		must(t, err)
		return &s
	}
	switch n := rnd.IntN(200); {
	case n < 140:
		for range 1 + rnd.IntN(8) {
			n, v := name(), fmt.Sprint(rnd.Uint64())
			expectToy(t, txn, db, key, n)
			toySet(t, txn, db, key, n, v)
			if m[id] == nil {
				m[id] = map[string]string{}
			}
			m[id][n] = v
		}
	case n < 170:
		n := name()
		expectToy(t, txn, db, key, n)
		toyRemove(t, txn, db, key, n)
		if delete(m[id], n); len(m[id]) == 0 && m[id] != nil {
			delete(m, id)
		}
	case n < 178:
		s := open(db, key)
		_, err := s.Remove()
		must(t, err)
		delete(m, id)
	case n < 182: // a time to live that ends at once, and one that is seen by the sweeper
		if s := open(db, key); s.Live {
			row := s.Row
			row.ExpireAt = txn.Time() + int64(rnd.IntN(2))
			must(t, s.Put(row))
			delete(m, id)
			txn.SetTime(txn.Time() + 1)
			if rnd.IntN(2) == 0 {
				_, err := keys.RemoveExpired(txn, 10)
				must(t, err)
			} else { // or a command comes first, and is told that nothing is there
				toySet(t, txn, db, key, "first", "again")
				m[id] = map[string]string{"first": "again"}
			}
		}
	case n < 196:
		other, k := uint8(rnd.IntN(2)), fmt.Sprint("k", rnd.IntN(5))
		if src, to := open(db, key), toyID(other, k); src.Live && to != id {
			dst := open(other, k)
			m[to] = maps.Clone(m[id])
			if rnd.IntN(2) == 0 {
				must(t, src.Copy(dst, 1))
			} else {
				must(t, src.Move(dst, 1))
				delete(m, id)
			}
		}
	case n < 198:
		swapped := toyModel{}
		for id, all := range m {
			swapped[toyID(1-(id[0]-'0'), id[2:])] = all
		}
		clear(m)
		maps.Copy(m, swapped)
		txn.SwapDatabases(0, 1)
	default:
		must(t, keys.Flush(txn, db))
		maps.DeleteFunc(m, func(id string, _ map[string]string) bool { return strings.HasPrefix(id, fmt.Sprint(db)) })
	}
}

// expectToy tells the transaction what is about to come, as who looks ahead does.
func expectToy(t testing.TB, txn *storage.Txn, db uint8, key, name string) {
	t.Helper()
	txn.Expect(db, []byte(key))
	txn.Fetch()
	_, err := keys.ExpectPart(txn, db, []byte(key), []byte(name))
	must(t, err)
	txn.Fetch()
}

// BenchmarkParts compares what a look-up and a write of a part cost with what those of a string of the same size cost,
// one of 100,000 in random order: in one collection, and in a thousand. (What is kept together in one row costs what a
// string costs: it is one.) Writes are 64 in a transaction that is told what comes; look-ups are 16 a view. An
// operation is one of them.
func BenchmarkParts(b *testing.B) {
	for _, collections := range []int{0, 1, 1000} {
		kind := "string"
		if collections > 0 {
			kind = fmt.Sprintf("part/collections=%d", collections)
		}
		b.Run("op=write/value=64B/kind="+kind, func(b *testing.B) { newPartsBench(b, collections).write(b) })
		b.Run("op=read/value=64B/kind="+kind, func(b *testing.B) { newPartsBench(b, collections).read(b) })
	}
}

// partsBench is a store with rows in random order: strings when owners is empty, else parts.
type partsBench struct {
	*testStore
	names, owners [][]byte
	value         []byte
}

const benchRows = 100_000

func newPartsBench(b *testing.B, collections int) *partsBench {
	b.Helper()
	x := &partsBench{testStore: newStore(b), value: make([]byte, 64)}
	for _, n := range rand.New(rand.NewPCG(1, 2)).Perm(benchRows) {
		x.names = append(x.names, fmt.Appendf(nil, "key:%012d", n))
		if collections > 0 {
			x.owners = append(x.owners, fmt.Appendf(nil, "key:%012d", n%collections))
		}
	}
	x.apply(1, func(txn *storage.Txn) {
		for n := range collections {
			s, err := keys.Open(txn, 0, fmt.Appendf(nil, "key:%012d", n))
			must(b, err)
			must(b, s.Put(layout.Row{Type: toy, Parts: txn.NewParts(), Payload: []byte{1}}))
		}
	})
	for n := 0; n < benchRows; n += writeBatch {
		x.set(n)
	}
	return x
}

const writeBatch, readBatch = 64, 16

// set writes writeBatch rows from number n on.
func (x *partsBench) set(n int) {
	x.apply(1, func(txn *storage.Txn) {
		if x.owners == nil {
			x.setStrings(txn, n)
		} else {
			x.setParts(txn, n)
		}
	})
}

func (x *partsBench) setStrings(txn *storage.Txn, n int) {
	for i := range writeBatch {
		txn.Expect(0, x.names[(n+i)%benchRows])
	}
	txn.Fetch()
	for i := range writeBatch {
		s, err := keys.Open(txn, 0, x.names[(n+i)%benchRows])
		if err != nil {
			x.t.Fatal(err)
		}
		if err := s.Put(layout.Row{Type: layout.String, Payload: x.value}); err != nil {
			x.t.Fatal(err)
		}
	}
}

func (x *partsBench) setParts(txn *storage.Txn, n int) {
	for i := range writeBatch {
		txn.Expect(0, x.owners[(n+i)%benchRows])
	}
	txn.Fetch()
	for i := range writeBatch {
		_, err := keys.ExpectPart(txn, 0, x.owners[(n+i)%benchRows], x.names[(n+i)%benchRows])
		if err != nil {
			x.t.Fatal(err)
		}
	}
	txn.Fetch()
	for i := range writeBatch {
		s, err := keys.Open(txn, 0, x.owners[(n+i)%benchRows])
		if err != nil {
			x.t.Fatal(err)
		}
		p, err := s.Part(x.names[(n+i)%benchRows])
		if err != nil {
			x.t.Fatal(err)
		}
		p.Put(x.value)
	}
}

func (x *partsBench) write(b *testing.B) {
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += writeBatch {
		x.set(n)
	}
}

func (x *partsBench) read(b *testing.B) {
	must(b, x.s.Sync())
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += readBatch {
		x.view(1, func(v *storage.View) {
			for i := range readBatch {
				at := (n + i) % benchRows
				var value []byte
				var err error
				if x.owners == nil {
					var row layout.Row
					row, _, err = keys.Lookup(v, 0, x.names[at])
					value = row.Payload
				} else if row, _, e := keys.Lookup(v, 0, x.owners[at]); e != nil {
					err = e
				} else {
					value, err = keys.LookupPart(v, 0, row, x.names[at])
				}
				if err != nil || len(value) != len(x.value) {
					b.Fatalf("%s is %d bytes, %v", x.names[at], len(value), err)
				}
			}
		})
	}
}
