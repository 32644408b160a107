package lint

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rooms are the directories that have a DESIGN.md from their first Go file on.
var rooms = []string{"resp", "fsm", "storage"}

var (
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	identPath  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)
	redisWords = regexp.MustCompile(`^[A-Z][A-Z0-9_.]*$`)
)

// designDocs holds: DESIGN.md names only what exists. A code span outside fenced blocks that looks like a Go name, with
// dots or without, must be declared in this module, be a word of one of its strings (a configuration name, an INFO
// field), a file or folder, a name in capitals as Redis commands have, or belong to a foreign package by its prefix.
func designDocs(t *tree) (vs []violation) {
	idx := newNameIndex(t)
	for _, room := range rooms {
		doc := t.file(room + "/DESIGN.md")
		if doc == nil {
			if slices.ContainsFunc(t.goFiles(), func(f *file) bool { return f.dir() == room }) {
				vs = append(vs, violation{room + "/DESIGN.md", 1, "missing; write purpose, invariants and decisions of this room"})
			}
			continue
		}
		fenced := false
		for i, line := range bytes.Split(doc.src, []byte("\n")) {
			if bytes.HasPrefix(bytes.TrimSpace(line), []byte("```")) {
				fenced = !fenced
				continue
			}
			if fenced {
				continue
			}
			for _, m := range codeSpan.FindAllSubmatch(line, -1) {
				name := strings.TrimSuffix(strings.TrimLeft(string(m[1]), "*&"), "()")
				if identPath.MatchString(name) && !redisWords.MatchString(name) && !idx.has(name) && !t.namesFile(room, name) {
					vs = append(vs, violation{doc.path, i + 1, "`" + name + "` does not exist; correct the name, or drop the backticks if it is not one"})
				}
			}
		}
	}
	return vs
}

// namesFile tells whether a name is a file or folder: from the root, from the room, or a file's bare name.
func (t *tree) namesFile(room, name string) bool {
	return t.exists(name) || t.exists(path.Join(room, name)) ||
		slices.ContainsFunc(t.files, func(f *file) bool { return path.Base(f.path) == name })
}

func TestDesignDocs(t *testing.T) {
	code := `
-- fsm/a.go --
package fsm
import (
	"cairn/fsm/entry"
	"github.com/hashicorp/raft"
	"github.com/x/fastlog"
	"sync"
)
// ErrX is.
var ErrX error
type Locked struct{ sync.Mutex }
type Store struct {
	*base
	mu struct{ pending int }
	Max int
}
type FS = raft.Configuration
type base struct{ depth int }
func (s *Store) View() {}
type Viewer interface{ Look() }
const info = "raft_state:%s"
-- fsm/a_test.go --
package fsm
func TestViews() {}
-- fsm/entry/a.go --
package entry
type Entry struct{ Seed uint64 }
func Decode() {}
-- storage/str/a.go --
package str
`
	law{
		check: designDocs,
		bad: []example{
			{name: "stale", tree: code + "-- fsm/DESIGN.md --\n" +
				"`Store.View` and `Store.Gone` and `Base`\n" +
				"`base.Max`, `entry.Encode`, `Viewer.View`, `Entry.Seed`\n" +
				"```\n`Fenced`\n```\n" +
				"`s.Missing` `raft_term` `b.go` `*Txn` `View2()`\n",
				want: []string{
					"fsm/DESIGN.md:1: `Store.Gone` does", "fsm/DESIGN.md:1: `Base` does",
					"fsm/DESIGN.md:2: `base.Max` does", "fsm/DESIGN.md:2: `entry.Encode` does", "fsm/DESIGN.md:2: `Viewer.View` does",
					"fsm/DESIGN.md:6: `s.Missing`", "fsm/DESIGN.md:6: `raft_term`", "fsm/DESIGN.md:6: `b.go`",
					"fsm/DESIGN.md:6: `Txn`", "fsm/DESIGN.md:6: `View2`",
				}},
			{name: "missing", tree: code, want: []string{"fsm/DESIGN.md:1: missing"}},
		},
		good: []example{{name: "current", tree: code + "-- fsm/DESIGN.md --\n" +
			"`ErrX` `Store.View()` `*Store` `Store.mu.pending` `Locked.Lock` `Store.depth` `fsm.Store.Max` `s.View` `Viewer.Look`\n" +
			"`entry.Decode` `Entry.Seed` `fsm` `a.go` `DESIGN.md` `str` `TestViews` `raft_state` `FS.Servers`\n" +
			"`raft.Anything` `pebble.Batch` `vfs.FS` `redcon.Conn` `fastlog.X` `context.Context` `nil` `uint64` `func`\n" +
			"`GETDEL` `JSON.SET` `--reads lease` `--fsync` `a/b` `[]byte` `CLUSTER MEET` `f(x, y)`\n"}},
	}.hold(t)
}
