package resp

import (
	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// runCommandDocs documents the named commands, or all; names that there are not are left out.
func runCommandDocs(c *conn, argv [][]byte) reply.Reply {
	var docs []reply.Reply
	add := func(full string, row *command.Spec) {
		docs = append(docs, reply.BulkString(full), docsOf(full, row))
	}
	if len(argv) == 2 {
		for _, row := range c.srv.table.All() {
			add(row.Name, &row)
		}
	}
	for _, name := range argv[2:] {
		if row, full := findRow(c.srv.table, name); row != nil {
			add(full, row)
		}
	}
	return reply.MapOf(docs...)
}

// docsOf documents one row.
func docsOf(full string, row *command.Spec) reply.Reply {
	var doc []reply.Reply
	for _, text := range [][2]string{
		{"summary", row.Summary}, {"since", row.Since}, {"group", row.Group}, {"complexity", row.Cost},
	} {
		if text[1] != "" {
			doc = append(doc, reply.BulkString(text[0]), reply.BulkString(text[1]))
		}
	}
	if args, ok := argumentsOf(row); ok && len(args) > 0 && row.Exec != nil {
		doc = append(doc, reply.BulkString("arguments"), argumentDocs(args))
	}
	if len(row.Subs) > 0 {
		var subs []reply.Reply
		for i := range row.Subs {
			name := full + "|" + row.Subs[i].Name
			subs = append(subs, reply.BulkString(name), docsOf(name, &row.Subs[i]))
		}
		doc = append(doc, reply.BulkString("subcommands"), reply.MapOf(subs...))
	}
	return reply.MapOf(doc...)
}

func argumentDocs(args []argument) reply.Reply {
	docs := make([]reply.Reply, len(args))
	for i, a := range args {
		docs[i] = a.doc()
	}
	return reply.ArrayOf(docs...)
}

func (a argument) doc() reply.Reply {
	doc := []reply.Reply{
		reply.BulkString("name"), reply.BulkString(a.name), reply.BulkString("type"), reply.BulkString(string(a.kind)),
	}
	if a.kind == command.TypeKey {
		doc = append(doc, reply.BulkString("key_spec_index"), reply.Int(int64(a.spec)))
	}
	if a.token != "" {
		doc = append(doc, reply.BulkString("token"), reply.BulkString(a.token))
	}
	if flags := a.flags(); len(flags) > 0 {
		doc = append(doc, reply.BulkString("flags"), statuses(flags))
	}
	if len(a.args) > 0 {
		doc = append(doc, reply.BulkString("arguments"), argumentDocs(a.args))
	}
	return reply.MapOf(doc...)
}

func (a argument) flags() (flags []string) {
	if a.optional {
		flags = append(flags, "optional")
	}
	if a.multiple {
		flags = append(flags, "multiple")
	}
	if a.multipleToken {
		flags = append(flags, "multiple_token")
	}
	return flags
}
