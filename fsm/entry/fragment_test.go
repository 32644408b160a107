package entry

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// TestSegments: the pieces are what Append writes, and long arguments are not copied.
func TestSegments(t *testing.T) {
	long := bytes.Repeat([]byte("x"), longArg)
	e := example
	e.Groups = append(e.Groups, Group{Calls: []Call{
		{DB: 1, Argv: [][]byte{[]byte("mset"), long, long[1:], []byte("k"), bytes.Repeat(long, 3)}}, {Argv: [][]byte{long}},
	}})
	for name, e := range map[string]Entry{"short": example, "long": e, "empty": {}} {
		segments, size := Segments(e)
		if got, want := bytes.Join(segments, nil), Append(nil, e); !bytes.Equal(got, want) || size != len(want) {
			t.Errorf("%s: %d bytes %.40x, said to be %d, want %d bytes %.40x", name, len(got), got, size, len(want), want)
		}
	}
	segments, _ := Segments(e)
	if &segments[1][0] != &long[0] {
		t.Error("a long argument was copied")
	}
}

// TestFragment holds the format, and refuses what is none.
func TestFragment(t *testing.T) {
	f := Fragment{ID: 0x0123456789abcdef, N: 300, Last: true, Bytes: []byte("rest")}
	b := AppendFragment(nil, f)
	if want := "\x02\xef\xcd\xab\x89\x67\x45\x23\x01\xac\x02\x01rest"; string(b) != want {
		t.Errorf("the bytes are %q, want %q; a new format needs a new version", b, want)
	}
	if got, err := ParseFragment(b); err != nil || !reflect.DeepEqual(got, f) {
		t.Errorf("it reads as %+v, %v", got, err)
	}
	if !IsFragment(b) || IsFragment(Append(nil, example)) || IsFragment(nil) {
		t.Error("fragments and entries are not told apart")
	}
	for cut := range len(b) - len(f.Bytes) {
		if _, err := ParseFragment(b[:cut]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	b[11] = 2
	if _, err := ParseFragment(b); !errors.Is(err, ErrCorrupt) {
		t.Errorf("neither last nor not: %v", err)
	}
	most := AppendFragment(nil, Fragment{ID: 1<<64 - 1, N: 1<<64 - 1})
	if len(most) > MaxFragmentOverhead {
		t.Errorf("the overhead is %d bytes, more than %d", len(most), MaxFragmentOverhead)
	}
}

// FuzzFragment: arbitrary bytes never panic, and what is a fragment is written as the same again.
func FuzzFragment(f *testing.F) {
	f.Add(AppendFragment(nil, Fragment{ID: 1, N: 2, Bytes: []byte("x")}))
	f.Add([]byte{FragmentVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseFragment(b)
		if err != nil {
			return
		}
		if again, err := ParseFragment(AppendFragment(nil, p)); err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%x reads as %+v, written and read again %+v, %v", b, p, again, err)
		}
	})
}
