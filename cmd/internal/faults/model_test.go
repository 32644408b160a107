//go:build linux

package faults

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/anishathalye/porcupine"
)

// action is what a client does to one key.
type action struct {
	verb, key, arg string
	open           bool // the client never heard the answer, or heard INDOUBT: any answer would do
}

// words is the action as a command.
func (a action) words() []string {
	switch a.verb {
	case "SETNX":
		return []string{"SET", a.key, a.arg, "NX"}
	case "SETGET":
		return []string{"SET", a.key, a.arg, "GET"}
	case "SET", "APPEND", "INCRBY":
		return []string{a.verb, a.key, a.arg}
	}
	return []string{a.verb, a.key}
}

// isRead says whether the action changes nothing, so that it may go to any node and is forgotten when its answer is
// lost.
func (a action) isRead() bool { return a.verb == "GET" || a.verb == "STRLEN" }

// value is the state of one key: a register, a counter or a text that is appended to.
type value struct {
	there bool
	text  string
}

// absent is how an answer without a value is written in histories.
const absent = "(nil)"

func (v value) String() string {
	if !v.there {
		return absent
	}
	return v.text
}

// apply returns the answer to an action and the state after it, as Redis's documentation has them.
func (v value) apply(a action) (answer string, next value) {
	switch a.verb {
	case "GET":
		return v.String(), v
	case "SET":
		return "OK", value{true, a.arg}
	case "SETGET":
		return v.String(), value{true, a.arg}
	case "SETNX":
		if v.there {
			return absent, v
		}
		return "OK", value{true, a.arg}
	case "GETDEL":
		return v.String(), value{}
	case "INCRBY":
		n, _ := strconv.Atoi(v.text) // 0 when it is not there
		by, _ := strconv.Atoi(a.arg)
		text := strconv.Itoa(n + by)
		return text, value{true, text}
	case "APPEND":
		text := v.text + a.arg
		return strconv.Itoa(len(text)), value{true, text}
	case "STRLEN":
		return strconv.Itoa(len(v.text)), v
	}
	panic("no such action: " + a.verb)
}

// keys is the model of a history of actions: every key is a value of its own.
func keys() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			byKey := map[string][]porcupine.Operation{}
			for _, o := range history {
				key := o.Input.(action).key
				byKey[key] = append(byKey[key], o)
			}
			var parts [][]porcupine.Operation
			for _, p := range byKey {
				parts = append(parts, p)
			}
			return parts
		},
		Init: func() any { return value{} },
		Step: func(state, input, output any) (bool, any) {
			a := input.(action)
			answer, next := state.(value).apply(a)
			return a.open || answer == output.(string), next
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%v -> %v", input, output) },
	}
}

// TestModel breaks histories on purpose: the checker must see it.
func TestModel(t *testing.T) {
	op := func(call, end int64, verb, arg, out string) porcupine.Operation {
		return porcupine.Operation{ClientId: int(call), Input: action{verb: verb, key: "k", arg: arg}, Call: call, Output: out, Return: end}
	}
	lost := op(1, 100, "SET", "b", "")
	lost.Input = action{verb: "SET", key: "k", arg: "b", open: true}
	for name, c := range map[string]struct {
		want    bool
		history []porcupine.Operation
	}{
		"past":       {false, []porcupine.Operation{op(1, 2, "SET", "a", "OK"), op(3, 4, "GET", "", absent)}},
		"lost":       {false, []porcupine.Operation{op(1, 2, "INCRBY", "2", "2"), op(3, 4, "INCRBY", "1", "1")}},
		"twice":      {false, []porcupine.Operation{op(1, 2, "APPEND", "xy", "2"), op(3, 4, "STRLEN", "", "4")}},
		"two locks":  {false, []porcupine.Operation{op(1, 2, "SETNX", "a", "OK"), op(1, 3, "SETNX", "b", "OK")}},
		"from where": {false, []porcupine.Operation{op(1, 2, "SET", "a", "OK"), op(3, 4, "GETDEL", "", "c")}},
		"good":       {true, []porcupine.Operation{op(1, 2, "SETNX", "a", "OK"), op(3, 4, "GETDEL", "", "a"), op(5, 6, "SETGET", "c", absent)}},
		"open":       {true, []porcupine.Operation{lost, op(3, 4, "GET", "", absent), op(5, 6, "GET", "", "b")}},
		"open back":  {false, []porcupine.Operation{lost, op(3, 4, "GET", "", "b"), op(5, 6, "GET", "", absent)}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := porcupine.CheckOperations(keys(), c.history); got != c.want {
				t.Errorf("linearizable: %v, want %v", got, c.want)
			}
		})
	}
}
