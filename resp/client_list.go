package resp

import (
	"fmt"
	"net"
	"strings"
	"time"

	"cairn/fsm/reply"
)

// runClientList answers the clients of this node, one a line. All are of the type normal.
func runClientList(c *conn, argv [][]byte) reply.Reply {
	conns := c.srv.clients.allClients()
	switch option := optionAt(argv, 2); {
	case len(argv) == 2:
	case option == "type" && len(argv) == 4:
		isNormal, err := parseClientType(argv[3])
		if err != nil {
			return failure(err)
		}
		if !isNormal {
			conns = nil
		}
	case option == "id" && len(argv) >= 4:
		byID := make(map[int64]*conn)
		for _, other := range conns {
			byID[other.id] = other
		}
		conns = nil
		for _, arg := range argv[3:] {
			id, err := parseInteger(arg, "ERR Invalid client ID")
			if err != nil {
				return failure(err)
			}
			if other := byID[id]; other != nil {
				conns = append(conns, other)
			}
		}
	default:
		return reply.ErrSyntax.Reply()
	}
	var lines strings.Builder
	for _, other := range conns {
		lines.WriteString(other.listLine())
		lines.WriteByte('\n')
	}
	return reply.VerbatimText(lines.String())
}

// optionAt returns a word of a call in lower case, or nothing when the call is shorter.
func optionAt(argv [][]byte, i int) string {
	if i >= len(argv) {
		return ""
	}
	return strings.ToLower(string(argv[i]))
}

// parseClientType reads a client type; here every client is normal.
func parseClientType(arg []byte) (isNormal bool, err error) {
	switch strings.ToLower(string(arg)) {
	case "normal":
		return true, nil
	case "slave", "replica", "pubsub", "master":
		return false, nil
	}
	return false, reply.Errorf("ERR Unknown client type '%s'", arg)
}

// listLine describes the connection as CLIENT LIST of Redis 7.0 does, and as 7.2 where the client has said which
// library it is. Any goroutine may ask. What Cairn does not have is 0.
func (c *conn) listLine() string {
	s := c.chosen()
	now := time.Now()
	proto, cmd := 2, "NULL"
	if s.resp3 {
		proto = 3
	}
	if r := c.activity.cmd.Load(); r != nil {
		cmd = r.name
	}
	unread, buffer, held := c.activity.unread.Load(), c.activity.buffer.Load(), c.memory.output.Load()
	line := fmt.Sprintf("id=%d addr=%s laddr=%s fd=%d name=%s age=%d idle=%d flags=%s db=%d sub=%d psub=%d ssub=0 multi=-1 "+
		"qbuf=%d qbuf-free=%d argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=%d tot-mem=%d events=r cmd=%s user=default redir=-1 resp=%d",
		c.id, c.addr(), c.laddr(), fileOf(c.nc), s.names.name, seconds(now.Sub(c.activity.born)),
		seconds(now.Sub(time.Unix(0, c.activity.last.Load()))), c.flags(s), s.db, len(s.channels), len(s.patterns),
		unread, buffer-unread, held, max(buffer, c.memory.input.Load())+held, cmd, proto)
	if s.names.libName != "" || s.names.libVer != "" {
		line += " lib-name=" + s.names.libName + " lib-ver=" + s.names.libVer
	}
	return line
}

func (c *conn) addr() string  { return c.nc.RemoteAddr().String() }
func (c *conn) laddr() string { return c.nc.LocalAddr().String() }

func seconds(d time.Duration) int64 { return int64(max(d, 0) / time.Second) }

func (c *conn) flags(s choices) string {
	flags := ""
	if c.activity.blocked.Load() {
		flags += "b"
	}
	if s.listens() {
		flags += "P"
	}
	if s.readonly {
		flags += "r"
	}
	if s.noEvict {
		flags += "e"
	}
	if s.noTouch {
		flags += "T"
	}
	if flags == "" {
		return "N"
	}
	return flags
}

// fileOf returns the number of a connection's file, or -1.
func fileOf(nc net.Conn) int {
	file := -1
	if tcp, ok := nc.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { file = int(fd) }) // it fails when the connection is closed: -1
		}
	}
	return file
}
