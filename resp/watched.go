package resp

import (
	"fmt"
	"net"
	"slices"
	"strconv"
)

// announcement is a text that a sentinel publishes on a channel.
type announcement struct{ channel, text string }

// watched is what those who listen have been told of the cluster, whose master they call name.
type watched struct {
	name   string
	term   uint64
	master clusterNode
	others map[string]bool // by the address: whether the node is down
	silent bool            // nobody led at the last look
	news   []announcement
}

// watch begins with what m says, which nobody is told.
func watch(name string, m clusterMap) *watched {
	w := &watched{name: name, term: m.status.Term, master: m.master(), others: make(map[string]bool)}
	for _, n := range m.nodes {
		w.others[n.Addr] = !n.up()
	}
	return w
}

// look returns what a sentinel would announce to those who know w, in a sentinel's order: that the master is not
// heard, that there is a new one, whose replicas are its now, and who else came, went or came back. Redis's sentinels
// say more, of how they vote and of the orders that they give: nobody does that here.
func (w *watched) look(m clusterMap) []announcement {
	w.news = nil
	if !m.led {
		// A hand-over takes less than from one look to the next.
		if old := m.master(); w.silent && old.Addr == w.master.Addr {
			w.health([]clusterNode{old})
		}
		w.silent = true
		return w.news
	}
	w.silent = false
	if m.status.Term > w.term {
		w.term = m.status.Term
		w.say("+new-epoch", strconv.FormatUint(w.term, 10))
	}
	if w.master.Addr == m.master().Addr {
		w.arrivals(m)
	} else {
		w.newMaster(m)
	}
	w.health(m.nodes)
	return w.news
}

func (w *watched) say(channel, text string) { w.news = append(w.news, announcement{channel, text}) }

// newMaster tells of a new master. The one before is the last of its replicas, if it is still a member.
func (w *watched) newMaster(m clusterMap) {
	before, now := w.master, m.master()
	w.say("-role-change", w.instance(now)+" new reported role is master")
	if now.Self {
		w.say("+promoted-slave", w.instance(now))
	} else {
		w.say("+config-update-from", w.sentinel(now))
	}
	w.master = now
	w.say("+switch-master", fmt.Sprintf("%s %s %s", w.name, spaced(before.Addr), spaced(now.Addr)))
	replicas := slices.Clone(m.nodes[1:])
	slices.SortStableFunc(replicas, func(a, b clusterNode) int {
		return boolInt(a.Addr == before.Addr) - boolInt(b.Addr == before.Addr)
	})
	for _, n := range replicas {
		w.say("+slave", w.instance(n))
		w.others[n.Addr] = false
	}
	w.others[now.Addr] = false
}

// arrivals tells of the nodes that are new.
func (w *watched) arrivals(m clusterMap) {
	for _, n := range m.nodes {
		if _, known := w.others[n.Addr]; !known {
			w.others[n.Addr] = false
			w.say("+slave", w.instance(n))
			w.say("+sentinel", w.sentinel(n))
		}
	}
}

// health tells of the nodes that do not answer any more, and of those that do again.
func (w *watched) health(nodes []clusterNode) {
	for _, n := range nodes {
		switch down := w.others[n.Addr]; {
		case !down && !n.up():
			w.say("+sdown", w.instance(n))
		case down && n.up():
			w.say("-sdown", w.instance(n))
		}
		w.others[n.Addr] = !n.up()
	}
}

// instance is how sentinels call a node.
func (w *watched) instance(n clusterNode) string {
	if n.Addr == w.master.Addr {
		return fmt.Sprintf("master %s %s", w.name, spaced(n.Addr))
	}
	return fmt.Sprintf("slave %s %s @ %s %s", n.Addr, spaced(n.Addr), w.name, spaced(w.master.Addr))
}

// sentinel is how they call each other.
func (w *watched) sentinel(n clusterNode) string {
	return fmt.Sprintf("sentinel %s %s @ %s %s", n.NodeID, spaced(n.Addr), w.name, spaced(w.master.Addr))
}

// spaced is an address in two words.
func spaced(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	return host + " " + port
}
