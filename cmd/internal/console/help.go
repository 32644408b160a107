package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

const helpText = `cairn cli: type a Redis command, or
  help <command>   what the command does
  clear            clear the screen
  exit, quit       leave
Press Tab to complete the name of a command.
`

// help prints what COMMAND DOCS says of a command, or what the console itself knows.
func (c *console) help(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return c.write([]byte(helpText), nil)
	}
	var t tries
	name := strings.ToLower(strings.Join(args, "|"))
	rep, err := c.session.ask(ctx, &t, "COMMAND", "DOCS", name)
	if err != nil {
		fmt.Fprintln(c.err, "help:", err)
		return err
	}
	if rep.isError() {
		return c.write(appendReply(nil, args, rep, c.raw), ErrReply)
	}
	text := "\n"
	for _, d := range pairs(rep) {
		text += docText(d)
	}
	if text == "\n" {
		text = fmt.Sprintf("No help for %q.\n", strings.Join(args, " "))
	}
	return c.write([]byte(text), nil)
}

// pair is one key and value of a map, or of the flat array that stands for one in RESP2.
type pair struct {
	key   string
	value reply
}

func pairs(r reply) []pair {
	var out []pair
	for i := 0; i+1 < len(r.elems); i += 2 {
		out = append(out, pair{r.elems[i].text, r.elems[i+1]})
	}
	return out
}

// docText lays one entry of COMMAND DOCS out as redis-cli does.
func docText(doc pair) string {
	text := "  " + commandName(doc.key)
	var subs []string
	for _, f := range pairs(doc.value) {
		if f.key == "arguments" {
			text += syntax(f.value.elems)
		}
	}
	text += "\n"
	for _, f := range pairs(doc.value) {
		switch f.key {
		case "summary", "since", "group":
			text += "  " + f.key + ": " + f.value.text + "\n"
		case "subcommands":
			for _, s := range pairs(f.value) {
				subs = append(subs, commandName(s.key))
			}
		}
	}
	if len(subs) > 0 {
		slices.Sort(subs)
		text += "  subcommands: " + strings.Join(subs, ", ") + "\n"
	}
	return text + "\n"
}

// syntax writes arguments of COMMAND DOCS as the Redis documentation does: " key value [NX | XX]".
func syntax(args []reply) (text string) {
	for _, a := range args {
		text += " " + argument(pairs(a))
	}
	return text
}

// argument is one argument of syntax.
//
//	name | type | token, when a word stands before it | flags: optional, multiple, multiple_token | arguments within
func argument(fields []pair) string {
	var name, kind, token, flags, within = "", "", "", "", []string(nil)
	for _, f := range fields {
		switch f.key {
		case "name":
			name = f.value.text
		case "type":
			kind = f.value.text
		case "token":
			token = f.value.text
		case "flags":
			for _, flag := range f.value.elems {
				flags += " " + flag.text + " "
			}
		case "arguments":
			for _, a := range f.value.elems {
				within = append(within, argument(pairs(a)))
			}
		}
	}
	optional := strings.Contains(flags, " optional ")
	text := name
	switch {
	case kind == "pure-token":
		text, token = token, ""
	case kind == "oneof" && optional && token == "":
		text = strings.Join(within, " | ")
	case kind == "oneof":
		text = "<" + strings.Join(within, " | ") + ">"
	case kind == "block":
		text = strings.Join(within, " ")
	}
	again := text
	if token != "" {
		text = token + " " + text
	}
	if strings.Contains(flags, " multiple_token ") {
		again = text
	}
	if strings.Contains(flags, " multiple") {
		text += " [" + again + " ...]"
	}
	if optional {
		text = "[" + text + "]"
	}
	return text
}

// commandName turns config|get into CONFIG GET.
func commandName(s string) string { return strings.ToUpper(strings.ReplaceAll(s, "|", " ")) }

// commandNames asks for the names of all commands: COMMAND DOCS has the subcommands too, COMMAND LIST is the
// substitute. They are upper-case and sorted; nil when no node answers either.
func (s *session) commandNames(ctx context.Context) []string {
	var names []string
	var t tries
	if rep, err := s.ask(ctx, &t, "COMMAND", "DOCS"); err == nil && !rep.isError() {
		for _, d := range pairs(rep) {
			names = append(names, commandName(d.key))
			for _, f := range pairs(d.value) {
				if f.key != "subcommands" {
					continue
				}
				for _, sub := range pairs(f.value) {
					names = append(names, commandName(sub.key))
				}
			}
		}
	}
	if len(names) == 0 {
		if rep, err := s.ask(ctx, &t, "COMMAND", "LIST"); err == nil {
			for _, e := range rep.elems {
				names = append(names, commandName(e.text))
			}
		}
	}
	slices.Sort(names)
	return names
}
