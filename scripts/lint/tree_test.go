package lint

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// module is the path of this module.
const module = "cairn"

// A file is one file of the tree. Only Go files have a syntax tree, and only the files that laws read have src.
type file struct {
	path string // slash-separated, from the root
	src  []byte
	size int64
	ast  *ast.File // nil unless Go code of this module
	err  error     // why ast is incomplete
}

func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }
func (f *file) dir() string  { return path.Dir(f.path) }

// A group is the files of one directory that share a package clause: a package with its internal tests, or its
// external test package.
type group struct {
	dir   string
	name  string
	files []*file
}

// code returns the files that are not tests.
func (g *group) code() []*file {
	return slices.DeleteFunc(slices.Clone(g.files), (*file).isTest)
}

// A tree is a parsed checkout.
type tree struct {
	fset   *token.FileSet
	files  []*file // by path
	groups []*group
	types  typeCache
}

// newTree parses the Go files and gathers them into packages.
func newTree(files []*file) *tree {
	t := &tree{fset: token.NewFileSet(), files: files, types: newTypeCache()}
	slices.SortFunc(t.files, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	for _, f := range t.files {
		if !t.isModuleCode(f.path) {
			continue
		}
		f.ast, f.err = parser.ParseFile(t.fset, f.path, f.src, parser.ParseComments|parser.SkipObjectResolution)
		if f.ast == nil {
			continue
		}
		i := slices.IndexFunc(t.groups, func(g *group) bool { return g.dir == f.dir() && g.name == f.ast.Name.Name })
		if i < 0 {
			i = len(t.groups)
			t.groups = append(t.groups, &group{dir: f.dir(), name: f.ast.Name.Name})
		}
		t.groups[i].files = append(t.groups[i].files, f)
	}
	return t
}

// isModuleCode tells whether the go command sees the file as Go code of this module.
func (t *tree) isModuleCode(name string) bool {
	if path.Ext(name) != ".go" {
		return false
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		base := path.Base(dir)
		if base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_' || t.file(dir+"/go.mod") != nil {
			return false
		}
	}
	return true
}

// file returns the file at a path, or nil.
func (t *tree) file(name string) *file {
	i, ok := slices.BinarySearchFunc(t.files, name, func(f *file, n string) int { return strings.Compare(f.path, n) })
	if !ok {
		return nil
	}
	return t.files[i]
}

// exists tells whether a path is a file or a folder of the tree.
func (t *tree) exists(name string) bool {
	name = path.Clean(name)
	return t.file(name) != nil || slices.ContainsFunc(t.files, func(f *file) bool { return strings.HasPrefix(f.path, name+"/") })
}

// goFiles returns the parsed Go files.
func (t *tree) goFiles() []*file {
	return slices.DeleteFunc(slices.Clone(t.files), func(f *file) bool { return f.ast == nil })
}

// under tells whether a package directory matches a pattern: a directory, or "dir/*" for all below it.
func under(dir, pattern string) bool {
	if parent, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(dir, parent+"/")
	}
	return dir == pattern
}

// importPath returns the path an import names.
func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return p
}

// ownDir returns the directory of an import path of this module.
func ownDir(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// load reads a checkout: what git tracks or would add, or every file when git is not there.
// It walks the folders itself as well, so that go test's result cache notices a new file.
func load(root string) (*tree, error) {
	tracked := gitFiles(root)
	var files []*file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err)
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() && rel == ".git" {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() || tracked != nil && !tracked[rel] {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return ignoreGone(err)
		}
		f := &file{path: rel, size: info.Size()}
		if isText(rel) {
			if f.src, err = os.ReadFile(name); err != nil {
				return ignoreGone(err)
			}
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return newTree(files), nil
}

// isText tells whether laws read the content of a file.
func isText(name string) bool {
	return slices.Contains([]string{".go", ".md", ".sh"}, path.Ext(name)) || name == ".ci/run"
}

// ignoreGone drops the error of a file that another process removed during the walk.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func gitFiles(root string) map[string]bool {
	out, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return nil
	}
	files := make(map[string]bool)
	for name := range strings.SplitSeq(string(out), "\x00") {
		files[name] = true
	}
	return files
}
