package resp

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"cairn/fsm/replica"
)

// TestSwitchMaster: a client that listens hears of the next leader, and of no leader only when there is one again.
func TestSwitchMaster(t *testing.T) {
	for _, hello := range []string{"HELLO 2", "HELLO 3"} {
		b := &fakeBackend{}
		b.setStatus(threeNodes())
		_, addr := startServer(t, Options{Backend: b, SentinelMaster: "mine"})
		c := dial(t, addr)
		c.do(strings.Fields(hello)...)
		mark := "*"
		if hello == "HELLO 3" {
			mark = ">"
		}
		c.ask("SUBSCRIBE +switch-master\r\n", mark+"3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n")
		c.ask("PSUBSCRIBE *master\r\n", mark+"3\r\n$10\r\npsubscribe\r\n$7\r\n*master\r\n:2\r\n")
		next := threeNodes()
		next.LeaderID, next.LeaderAddr = "", ""
		b.setStatus(next) // an election
		next.LeaderID, next.LeaderAddr = "n3", "10.0.0.3:7003"
		next.Members[1].Leader, next.Members[2].Leader = false, true
		b.setStatus(next)
		c.expect(mark + "3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$32\r\nmine 10.0.0.1 7001 10.0.0.3 7003\r\n" +
			mark + "4\r\n$8\r\npmessage\r\n$7\r\n*master\r\n$14\r\n+switch-master\r\n$32\r\nmine 10.0.0.1 7001 10.0.0.3 7003\r\n")
	}
}

// TestSentinelClient holds what go-redis makes of SENTINEL and ROLE.
func TestSentinelClient(t *testing.T) {
	b := &fakeBackend{}
	b.setStatus(threeNodes())
	_, addr := startServer(t, Options{Backend: b})
	for _, proto := range []int{2, 3} {
		s := redis.NewSentinelClient(&redis.Options{Addr: addr, Protocol: proto})
		defer s.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if at, err := s.GetMasterAddrByName(ctx, "cairn").Result(); err != nil || len(at) != 2 || at[0] != "10.0.0.1" || at[1] != "7001" {
			t.Errorf("get-master-addr-by-name: %q, %v", at, err)
		}
		if err := s.GetMasterAddrByName(ctx, "other").Err(); err != redis.Nil {
			t.Errorf("get-master-addr-by-name of another: %v", err)
		}
		master, err := s.Master(ctx, "cairn").Result()
		if err != nil || master["name"] != "cairn" || master["port"] != "7001" || master["flags"] != "master" || master["num-slaves"] != "2" || master["quorum"] != "2" {
			t.Errorf("master: %v, %v", master, err)
		}
		replicas, err := s.Replicas(ctx, "cairn").Result()
		if err != nil || len(replicas) != 2 || replicas[1]["name"] != "10.0.0.3:7003" || replicas[1]["slave-repl-offset"] != "90" {
			t.Errorf("replicas: %v, %v", replicas, err)
		}
		sentinels, err := s.Sentinels(ctx, "cairn").Result()
		if err != nil || len(sentinels) != 2 || sentinels[0]["runid"] != replica.NodeID("n1") {
			t.Errorf("sentinels: %v, %v", sentinels, err)
		}
		if text, err := s.CkQuorum(ctx, "cairn").Result(); err != nil || text != "OK 3 usable Sentinels. Quorum and failover authorization can be reached" {
			t.Errorf("ckquorum: %q, %v", text, err)
		}
	}
}

// TestOnlyListens: RESP2 cannot tell replies from messages, so that a client that listens may say little else.
func TestOnlyListens(t *testing.T) {
	_, addr := startServer(t, Options{})
	c := dial(t, addr)
	c.ask("SUBSCRIBE +switch-master\r\n", "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n")
	c.ask("GET k\r\n", "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n")
	c.ask("PING\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
	c.ask("PING x\r\n", "*2\r\n$4\r\npong\r\n$1\r\nx\r\n")
	c.ask("RESET\r\n", "+RESET\r\n")
	c.ask("GET k\r\n", "$1\r\nk\r\n")
	c.do("HELLO", "3")
	c.ask("SUBSCRIBE +switch-master\r\n", ">3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n")
	c.ask("GET k\r\n", "$1\r\nk\r\n")
}

// TestSubscribeSilently: what confirms a subscription is a message, which CLIENT REPLY does not silence, as in Redis.
func TestSubscribeSilently(t *testing.T) {
	_, addr := startServer(t, Options{})
	for name, addr := range map[string]string{"cairn": addr, "redis": startRedis(t)} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr)
			c.ask("CLIENT REPLY OFF\r\nSUBSCRIBE a b\r\nPING\r\nUNSUBSCRIBE a\r\nPSUBSCRIBE p*\r\nGET a\r\nUNSUBSCRIBE\r\nPUNSUBSCRIBE\r\nPING\r\nCLIENT REPLY ON\r\nPING\r\n",
				"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$10\r\npsubscribe\r\n$2\r\np*\r\n:2\r\n"+
					"*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n*3\r\n$12\r\npunsubscribe\r\n$2\r\np*\r\n:0\r\n+OK\r\n+PONG\r\n")
			c.do("HELLO", "3")
			c.ask("CLIENT REPLY SKIP\r\nSUBSCRIBE a\r\nPING\r\nUNSUBSCRIBE\r\nUNSUBSCRIBE\r\n",
				">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n+PONG\r\n>3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n>3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n")
		})
	}
}
