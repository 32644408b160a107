package history

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Check returns a text for each key whose operations fit no order, and the keys for which limit is too short to tell.
// Nobody may add to the history meanwhile.
func (h *History) Check(limit time.Duration) (wrong, undecided []string) {
	byKey := make(map[string][]event)
	for _, e := range h.events {
		byKey[e.op.Key] = append(byKey[e.op.Key], e)
	}
	for _, key := range h.Keys() {
		switch porcupine.CheckOperationsTimeout(model(), operations(byKey[key]), limit) {
		case porcupine.Illegal:
			wrong = append(wrong, explain(key, byKey[key], limit))
		case porcupine.Unknown:
			undecided = append(undecided, key)
		}
	}
	return wrong, undecided
}

// operations returns events as porcupine knows them: a lane for each client, and one for each operation in doubt,
// which the client's next ones overlap.
func operations(events []event) (ops []porcupine.Operation) {
	lanes := make(map[string]int)
	for i, e := range events {
		name := e.client
		if e.until == never {
			name = fmt.Sprint("in doubt ", i)
		}
		if _, ok := lanes[name]; !ok {
			lanes[name] = len(lanes)
		}
		ops = append(ops, porcupine.Operation{ClientId: lanes[name], Input: e, Call: e.call, Return: e.until})
	}
	return ops
}

// shown is how many operations of a wrong history are printed: those before the one that does not fit.
const shown = 40

// explain prints the end of the shortest history that is wrong, and writes all of that as a page to look at.
func explain(key string, events []event, limit time.Duration) string {
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.until, b.until) })
	n := sort.Search(len(events)-1, func(n int) bool {
		return porcupine.CheckOperationsTimeout(model(), operations(upTo(events, n)), limit) == porcupine.Illegal
	})
	last := events[n]
	events = upTo(events, n)
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.call, b.call) })
	_, info := porcupine.CheckOperationsVerbose(model(), operations(events), limit)
	page, err := os.CreateTemp("", "cairn-history-*.html")
	if err == nil {
		err = cmp.Or(porcupine.Visualize(model(), info, page), page.Close())
	}
	var b strings.Builder
	if fmt.Fprintf(&b, "the history of %s is not linearizable; ", key); err != nil {
		fmt.Fprintf(&b, "no page shows it: %v\n", err)
	} else {
		fmt.Fprintf(&b, "see %s\n", page.Name())
	}
	for _, e := range events[max(0, len(events)-shown):] {
		mark := ""
		if e == last {
			mark = " <- fits nowhere"
		}
		fmt.Fprintf(&b, "\t%v%s\n", e, mark)
	}
	return b.String()
}

// upTo returns the history as it was known when events[n] was answered; events are in the order of their answers.
func upTo(events []event, n int) (known []event) {
	for i, e := range events {
		if i > n {
			if e.call > events[n].until || e.op.IsRead() {
				continue
			}
			e.until, e.answer = never, unknown
		}
		known = append(known, e)
	}
	return known
}
