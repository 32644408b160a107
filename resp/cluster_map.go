package resp

import (
	"net"
	"slices"
	"strconv"

	"cairn/fsm/replica"
)

// lastSlot is the last hash slot; the one shard has them all.
const lastSlot = 16383

// clusterMap is the cluster as Redis clients know one: a master, which has every slot, and its replicas.
type clusterMap struct {
	status replica.Status
	nodes  []clusterNode // the master first
	led    bool          // the master leads, as far as this node knows
	guess  bool          // the master may never have led
}

// clusterNode is one member with its address taken apart.
type clusterNode struct {
	replica.Member
	host string
	port int64

	silent bool // it is shown as the master and does not lead
}

// clusterMap returns the map of the moment. All that clients are told of roles comes from it.
//
// While nobody leads, the master is the other node that led last, one that does not answer. Where there is none, it is
// a guess: a client with an empty map would be lost, and whoever it goes to redirects it once he knows better. This
// node is the master only when it leads, or when it knows of nobody else who could.
func (s *Server) clusterMap() clusterMap { return s.mapOf(s.o.Backend.Status()) }

func (s *Server) mapOf(st replica.Status) clusterMap {
	m := clusterMap{status: st}
	m.led = st.State == "leader" || st.LeaderID != "" && st.LeaderID != st.ID
	members := slices.Clone(m.status.Members)
	if !slices.ContainsFunc(members, func(n replica.Member) bool { return n.Self }) {
		members = append(members, replica.Member{
			ID: m.status.ID, NodeID: m.status.NodeID, Addr: s.o.Advertise, Self: true, Connected: true,
		})
	}
	master, guess := chooseMaster(st, members)
	m.nodes, m.guess = append(m.nodes, newClusterNode(members[master])), guess
	m.nodes[0].silent = !m.led
	for _, n := range slices.Delete(members, master, master+1) {
		m.nodes = append(m.nodes, newClusterNode(n))
	}
	return m
}

func (c *conn) clusterMap() clusterMap { return c.srv.clusterMap() }

// lone reports whether this node belongs to no cluster yet: it knows of no other node, and nobody has any slots.
func (m clusterMap) lone() bool {
	return m.status.Standing == replica.Joining && len(m.status.Members) == 0
}

// serving are the nodes that clients should know: all, without this one when it was removed.
func (m clusterMap) serving() []clusterNode {
	switch {
	case m.lone():
		return nil
	case m.status.Standing == replica.Removed:
		return slices.DeleteFunc(slices.Clone(m.nodes), func(n clusterNode) bool { return n.Self })
	}
	return m.nodes
}

// chooseMaster returns the number of the member that is shown as the master, and whether that is a guess.
func chooseMaster(st replica.Status, members []replica.Member) (i int, guess bool) {
	leads := st.State == "leader"
	for k, fits := range []func(n replica.Member) bool{
		func(n replica.Member) bool { return leads && n.Self || !leads && !n.Self && n.ID == st.LeaderID },
		func(n replica.Member) bool { return n.Leader && !n.Self },
		func(n replica.Member) bool { return n.Voter && n.Connected && !n.Self },
		func(n replica.Member) bool { return n.Voter && !n.Self },
		func(n replica.Member) bool { return n.Self },
	} {
		if i := slices.IndexFunc(members, fits); i >= 0 {
			return i, k == 2 || k == 3
		}
	}
	panic("resp: a map without its own node")
}

func newClusterNode(m replica.Member) clusterNode {
	n := clusterNode{Member: m, host: m.Addr}
	if host, port, err := net.SplitHostPort(m.Addr); err == nil {
		n.host = host
		n.port, _ = strconv.ParseInt(port, 10, 64) // a name of a service is no port that a client could use: 0
	}
	return n
}

// hostname returns the node's host when it is a name and no IP address.
func (n clusterNode) hostname() string {
	if net.ParseIP(n.host) != nil {
		return ""
	}
	return n.host
}

// up reports whether the node answers, as far as this one knows.
func (n clusterNode) up() bool { return n.Self || n.Connected && !n.silent }

func (m clusterMap) master() clusterNode { return m.nodes[0] }

func (m clusterMap) isMaster(n clusterNode) bool { return n.NodeID == m.master().NodeID }

// node returns the node with an id.
func (m clusterMap) node(nodeID []byte) (n clusterNode, ok bool) {
	i := slices.IndexFunc(m.nodes, func(n clusterNode) bool { return n.NodeID == string(nodeID) })
	if i < 0 {
		return clusterNode{}, false
	}
	return m.nodes[i], true
}

// offset is what stands for a replication offset: the index that the node has applied.
func (m clusterMap) offset(n clusterNode) int64 {
	if n.Self {
		return int64(m.status.AppliedIndex)
	}
	return int64(m.status.AppliedIndex - min(n.Lag, m.status.AppliedIndex))
}
