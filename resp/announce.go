package resp

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// announceTick is how often a connection that listens looks who leads.
const announceTick = 50 * time.Millisecond

// switchMaster is the channel on which a sentinel says that there is another master.
const switchMaster = "+switch-master"

// masterAddr returns the address of the node that leads, or led last.
func (c *conn) masterAddr() string { return c.clusterMap().master().Addr }

// announce tells a connection that listens when another node has begun to lead since it was told last. The connection itself
// looks: nobody else writes to it.
func (c *conn) announce() {
	if !c.listens() || c.srv.o.Backend.Status().LeaderID == "" {
		return
	}
	before, now := c.sess.master, c.masterAddr()
	if before == now {
		return
	}
	c.sess.master = now
	text := c.srv.o.SentinelMaster
	for _, addr := range []string{before, now} {
		host, port, _ := net.SplitHostPort(addr)
		text += " " + host + " " + port
	}
	for _, name := range c.sess.channels {
		if name == switchMaster {
			c.out.reply(pushOf(reply.BulkString("message"), reply.BulkString(switchMaster), reply.BulkString(text)))
		}
	}
	for _, pattern := range c.sess.patterns {
		if command.Match(pattern, switchMaster) {
			c.out.reply(pushOf(reply.BulkString("pmessage"), reply.BulkString(pattern), reply.BulkString(switchMaster), reply.BulkString(text)))
		}
	}
	c.out.flush()
}

// runRole says what INFO's replication section does, for clients that ask who leads before they trust an address.
func runRole(c *conn, _ [][]byte) reply.Reply {
	m := c.clusterMap()
	if m.status.State == "leader" {
		replicas := []reply.Reply{}
		for _, n := range m.nodes {
			if !n.Self && n.up() {
				replicas = append(replicas, reply.ArrayOf(reply.BulkString(n.host), reply.BulkString(strconv.FormatInt(n.port, 10)),
					reply.BulkString(fmt.Sprint(m.offset(n)))))
			}
		}
		return reply.ArrayOf(reply.BulkString("master"), reply.Int(int64(m.status.AppliedIndex)), reply.ArrayOf(replicas...))
	}
	link := "connected"
	if m.status.LeaderID == "" {
		link = "connect"
	}
	return reply.ArrayOf(reply.BulkString("slave"), reply.BulkString(m.master().host), reply.Int(m.master().port),
		reply.BulkString(link), reply.Int(int64(m.status.AppliedIndex)))
}
