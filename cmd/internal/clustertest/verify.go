package clustertest

import "cairn/fsm/reply"

// Verdict is what CAIRN.VERIFY answers.
type Verdict struct {
	Index, Missing int64
	Agree          bool
	Status, Sum    map[string]string // by node id
}

// Verify asks node i, which leads, whether all nodes agree. words are more arguments. Anything but a verdict fails
// the test.
func (c *Cluster) Verify(i int, words ...string) Verdict {
	c.t.Helper()
	v, ok := c.TryVerify(i, words...)
	if !ok {
		c.t.Fatalf("clustertest: CAIRN.VERIFY on %s answers no verdict", c.ID(i))
	}
	return v
}

// TryVerify is Verify of a node that may not lead any more.
func (c *Cluster) TryVerify(i int, words ...string) (v Verdict, ok bool) {
	c.t.Helper()
	r := c.Do(i, append([]string{"CAIRN.VERIFY"}, words...)...)
	if v, ok = parseVerdict(r); !ok {
		c.t.Logf("clustertest: CAIRN.VERIFY on %s answers %q", c.ID(i), r.Str)
	}
	return v, ok
}

func parseVerdict(r reply.Reply) (v Verdict, ok bool) {
	if len(r.Elems) != 8 {
		return v, false
	}
	v = Verdict{Status: map[string]string{}, Sum: map[string]string{}}
	v.Index, v.Agree, v.Missing = r.Elems[1].Int, r.Elems[3].Int == 1, r.Elems[5].Int
	for _, n := range r.Elems[7].Elems {
		id := string(n.Elems[1].Str)
		v.Status[id], v.Sum[id] = string(n.Elems[5].Str), string(n.Elems[7].Str)
	}
	return v, true
}

// verifyRunning has the running nodes say that they agree.
func (c *Cluster) verifyRunning() {
	c.t.Helper()
	down := int64(0)
	for _, m := range c.nodes {
		if m.node == nil {
			down++
		}
	}
	Eventually(c.t, "every running node's checksum", func() bool {
		v, ok := c.TryVerify(c.Leader())
		if ok && !v.Agree {
			c.t.Errorf("clustertest: the nodes hold different states: %+v", v)
		}
		return ok && v.Missing <= down
	})
}
