package lint

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

type names map[string]bool

func (n names) add(name string) { n[name] = true }

// A nameIndex knows every name this module declares, by name alone: two types of one name share their members.
type nameIndex struct {
	all      names            // every declared name
	packages map[string]names // package name to its top-level names
	members  map[string]names // type name to its fields and methods
	embeds   map[string]names // type name to the types whose members it also has
	open     names            // types that also have members of a foreign type
	foreign  names            // names of foreign packages
	words    names            // words in strings
}

var wordInString = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

func newNameIndex(t *tree) *nameIndex {
	idx := &nameIndex{
		all: names{}, packages: map[string]names{}, members: map[string]names{}, embeds: map[string]names{},
		open: names{}, foreign: names{}, words: names{},
	}
	for _, name := range []string{
		"raft", "pebble", "redcon", "vfs", // the engines, also while nobody imports them
		"bytes", "context", "errors", "fmt", "io", "maps", "math", "net", "os", "slices", "slog", "strconv", "strings",
		"sync", "atomic", "synctest", "testing", "time",
	} {
		idx.foreign.add(name)
	}
	for _, g := range t.groups {
		if idx.packages[g.name] == nil {
			idx.packages[g.name] = names{}
		}
		for _, f := range g.files {
			idx.addFile(f, idx.packages[g.name])
		}
	}
	return idx
}

func (idx *nameIndex) addFile(f *file, tops names) {
	for _, spec := range f.ast.Imports {
		p := importPath(spec)
		if _, own := ownDir(p); own {
			continue
		}
		idx.foreign.add(foreignName(p))
		if spec.Name != nil {
			idx.foreign.add(spec.Name.Name)
		}
	}
	for _, d := range f.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			idx.all.add(d.Name.Name)
			if d.Recv == nil {
				tops.add(d.Name.Name)
			} else {
				idx.addMember(receiver(d).Name, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.ValueSpec:
					for _, id := range s.Names {
						idx.all.add(id.Name)
						tops.add(id.Name)
					}
				case *ast.TypeSpec:
					tops.add(s.Name.Name)
				}
			}
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			idx.addType(n)
		case *ast.StructType:
			for _, field := range n.Fields.List {
				for _, id := range field.Names {
					idx.all.add(id.Name)
				}
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING && !f.isTest() {
				for _, w := range wordInString.FindAllString(n.Value, -1) {
					idx.words.add(w)
				}
			}
		}
		return true
	})
}

func (idx *nameIndex) addMember(typeName, member string) {
	if idx.members[typeName] == nil {
		idx.members[typeName] = names{}
	}
	idx.members[typeName].add(member)
	idx.all.add(member)
}

func (idx *nameIndex) addType(s *ast.TypeSpec) {
	name := s.Name.Name
	idx.all.add(name)
	if idx.members[name] == nil {
		idx.members[name] = names{}
	}
	var fields *ast.FieldList
	switch typ := s.Type.(type) {
	case *ast.StructType:
		fields = typ.Fields
	case *ast.InterfaceType:
		fields = typ.Methods
	default:
		idx.embed(name, typ)
		return
	}
	for _, field := range fields.List {
		for _, id := range field.Names {
			idx.addMember(name, id.Name)
		}
		if len(field.Names) == 0 {
			if base := idx.embed(name, field.Type); base != "" {
				idx.addMember(name, base)
			}
		}
	}
}

// embed notes that a type has the members of another, and returns the other's bare name.
func (idx *nameIndex) embed(name string, other ast.Expr) string {
	switch other := other.(type) {
	case *ast.StarExpr:
		return idx.embed(name, other.X)
	case *ast.IndexExpr:
		return idx.embed(name, other.X)
	case *ast.Ident:
		if idx.embeds[name] == nil {
			idx.embeds[name] = names{}
		}
		idx.embeds[name].add(other.Name)
		return other.Name
	case *ast.SelectorExpr:
		idx.open.add(name)
		return other.Sel.Name
	}
	return ""
}

// has tells whether a name, with dots or without, exists.
func (idx *nameIndex) has(name string) bool {
	parts := strings.Split(name, ".")
	first, rest := parts[0], parts[1:]
	if len(rest) == 0 {
		return idx.all[first] || idx.packages[first] != nil || idx.foreign[first] || isLower(first) && idx.words[first] ||
			types.Universe.Lookup(first) != nil || token.IsKeyword(first)
	}
	if tops := idx.packages[first]; tops != nil {
		return tops[rest[0]] && (len(rest) == 1 || idx.has(strings.Join(rest, ".")))
	}
	if idx.foreign[first] {
		return true
	}
	if idx.members[first] != nil {
		return idx.hasMember(first, rest[0], names{}) && idx.allDeclared(rest[1:])
	}
	// A variable, as in env.Now, or a path of fields: at least its parts exist.
	return (isLower(first) || idx.all[first]) && idx.allDeclared(rest)
}

func (idx *nameIndex) hasMember(typeName, member string, seen names) bool {
	if idx.members[typeName][member] || idx.open[typeName] {
		return true
	}
	seen.add(typeName)
	for other := range idx.embeds[typeName] {
		if !seen[other] && idx.hasMember(other, member, seen) {
			return true
		}
	}
	return false
}

func (idx *nameIndex) allDeclared(parts []string) bool {
	for _, p := range parts {
		if !idx.all[p] {
			return false
		}
	}
	return true
}

func isLower(name string) bool {
	r, _ := utf8.DecodeRuneInString(name)
	return unicode.IsLower(r)
}
