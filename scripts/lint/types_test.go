package lint

import (
	"go/ast"
	"go/types"
	"path"
	"regexp"
	"slices"
)

// typeCache keeps what has been type-checked. Errors are ignored: foreign packages are empty, so whatever comes from
// them has no type, while this module's own names, scopes and types resolve.
type typeCache struct {
	infos    map[*group]*types.Info
	packages map[string]*types.Package // by import path
}

func newTypeCache() typeCache {
	return typeCache{make(map[*group]*types.Info), make(map[string]*types.Package)}
}

// info returns what is known about the expressions of a package and its tests.
func (t *tree) info(g *group) *types.Info {
	if info := t.types.infos[g]; info != nil {
		return info
	}
	info := &types.Info{
		Types:      make(map[ast.Expr]types.TypeAndValue),
		Defs:       make(map[*ast.Ident]types.Object),
		Uses:       make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
	}
	t.checkTypes(g, g.files, info, false)
	t.types.infos[g] = info
	return info
}

func (t *tree) checkTypes(g *group, files []*file, info *types.Info, declsOnly bool) *types.Package {
	var syntax []*ast.File
	for _, f := range files {
		syntax = append(syntax, f.ast)
	}
	conf := types.Config{
		Importer:         t,
		Error:            func(error) {},
		IgnoreFuncBodies: declsOnly,
		FakeImportC:      true,
	}
	pkg, _ := conf.Check(module+"/"+g.dir, t.fset, syntax, info) // errors are expected, see typeCache
	return pkg
}

var version = regexp.MustCompile(`^v[0-9]+$`)

// Import implements types.Importer: the declarations of a package of this module, or an empty package.
func (t *tree) Import(importPath string) (*types.Package, error) {
	if importPath == "unsafe" {
		return types.Unsafe, nil
	}
	if pkg := t.types.packages[importPath]; pkg != nil {
		return pkg, nil
	}
	empty := types.NewPackage(importPath, foreignName(importPath))
	empty.MarkComplete()
	t.types.packages[importPath] = empty // also what an import cycle gets
	dir, own := ownDir(importPath)
	if !own {
		return empty, nil
	}
	i := slices.IndexFunc(t.groups, func(g *group) bool { return g.dir == dir && len(g.code()) > 0 })
	if i < 0 {
		return empty, nil
	}
	pkg := t.checkTypes(t.groups[i], t.groups[i].code(), nil, true)
	t.types.packages[importPath] = pkg
	return pkg, nil
}

// foreignName guesses a package's name from its import path.
func foreignName(importPath string) string {
	name := path.Base(importPath)
	if version.MatchString(name) {
		name = path.Base(path.Dir(importPath))
	}
	return name
}

// qualified returns the import path and the name of an expression like os.Exit, and empty strings for any other.
func qualified(info *types.Info, n ast.Node) (importPath, name string) {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	pkg, ok := info.Uses[id].(*types.PkgName)
	if !ok {
		return "", ""
	}
	return pkg.Imported().Path(), sel.Sel.Name
}
