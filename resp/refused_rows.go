package resp

import (
	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// What the commands that Redis's replication and its files need are answered with: who types one, or lets redis-cli
// send it, learns what takes its place.
const (
	whyStream  = "ERR there is no RDB and no stream of commands here: nodes copy their state by themselves, see cairn serve --join"
	whyFollow  = "ERR nodes follow whoever leads: a node joins with cairn serve --join, and CLUSTER FAILOVER makes it the leader"
	whySaved   = "ERR all that was acknowledged is on disk already; stop a node before you copy its directory"
	isRefused  = "Is refused: nodes copy their state by themselves"
	isOnDisk   = "Is refused: what is acknowledged is on disk"
	isFollowed = "Is refused: nodes follow whoever leads"
)

// refusedRows are commands that exist to say why they do nothing.
func refusedRows() []command.Spec {
	return []command.Spec{
		{Name: "sync", Cost: "O(1)", Summary: isRefused, Exec: answerAlways(whyStream)},
		{Name: "psync", Cost: "O(1)", Summary: isRefused, Exec: answerAlways(whyStream)},
		{Name: "replconf", Summary: isRefused, Exec: answerAlways(whyStream)},
		{Name: "replicaof", Summary: isFollowed, Exec: answerAlways(whyFollow)},
		{Name: "slaveof", Summary: isFollowed, Exec: answerAlways(whyFollow)},
		{Name: "save", Summary: isOnDisk, Exec: answerAlways(whySaved)},
		{Name: "bgsave", Summary: isOnDisk, Exec: answerAlways(whySaved)},
		{Name: "bgrewriteaof", Summary: isOnDisk, Exec: answerAlways(whySaved)},
	}
}

// answerAlways makes the handler of a command that is always answered with one error.
func answerAlways(line string) handler {
	return func(*conn, [][]byte) reply.Reply { return reply.Errorf("%s", line).Reply() }
}
