package command

import (
	"strconv"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
)

// The names of the rows that nodes call.
const (
	TickName      = "cairn.tick"      // no arguments: the entry's time is the message
	SweepName     = "cairn.sweep"     // limit: remove that many expired keys
	ClusterName   = "cairn.cluster"   // id: the cluster's id, unless it has one
	ChecksumName  = "cairn.checksum"  // no arguments: every node sums up the state right after the entry
	SlotCountName = "cairn.slotcount" // slot: count its keys
	SlotKeysName  = "cairn.slotkeys"  // slot count: list up to count of its keys
)

func internalRows() []Spec {
	return []Spec{
		{Name: TickName, Arity: 1, Flags: FlagWrite, Internal: true, Exec: Write(raw, runTick)},
		{Name: SweepName, Arity: 2, Flags: FlagWrite, Internal: true, Exec: Write(parseSweep, runSweep)},
		{Name: ClusterName, Arity: 2, Flags: FlagWrite, Internal: true, Exec: Write(raw, runCluster)},
		{Name: ChecksumName, Arity: 1, Flags: FlagWrite, Internal: true, Exec: Write(raw, runChecksum)},
		{Name: SlotCountName, Arity: 2, Flags: FlagReadOnly, Internal: true, Exec: Read(parseSlotCount, runSlotCount)},
		{Name: SlotKeysName, Arity: 3, Flags: FlagReadOnly, Internal: true, Exec: Read(parseSlotKeys, runSlotKeys)},
	}
}

// runTick does nothing: the machine has moved the time on before.
func runTick(Env, *storage.Txn, [][]byte) (reply.Reply, error) { return reply.OK(), nil }

func parseSweep(argv [][]byte) (int, error) {
	n, err := strconv.Atoi(string(argv[1]))
	if err != nil || n <= 0 {
		return 0, reply.ErrNotInteger
	}
	return n, nil
}

// runSweep answers how many expiry rows it took away.
func runSweep(_ Env, t *storage.Txn, limit int) (reply.Reply, error) {
	n, err := keys.RemoveExpired(t, limit)
	return reply.Int(int64(n)), err
}

// runChecksum answers the entry's index. The machine sees the name and does the rest.
func runChecksum(env Env, _ *storage.Txn, _ [][]byte) (reply.Reply, error) {
	return reply.Int(int64(env.Version >> VersionBits)), nil
}

// runCluster answers the id that holds from now on.
func runCluster(_ Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	if t.Cluster() == "" {
		t.SetCluster(string(argv[1]))
	}
	return reply.BulkString(t.Cluster()), nil
}
