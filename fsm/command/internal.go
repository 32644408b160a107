package command

import (
	"strconv"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
)

// The names of the rows that nodes call.
const (
	TickName      = "cairn.tick"      // the entry's time is the message
	SweepName     = "cairn.sweep"     // remove as many expired keys as limit says
	ClusterName   = "cairn.cluster"   // the cluster's id, unless it has one
	ChecksumName  = "cairn.checksum"  // every node sums up the state right after the entry
	SlotCountName = "cairn.slotcount" // count the keys of a slot
	SlotKeysName  = "cairn.slotkeys"  // list up to count keys of a slot
	EncodingName  = "cairn.encoding"  // OBJECT ENCODING on a node that has settings of its own for it
)

func internalRows() []Spec {
	return []Spec{
		{Name: TickName, Flags: FlagWrite, Internal: true, Exec: Write(raw, runTick)},
		{Name: SweepName, Syntax: "limit:integer", Flags: FlagWrite, Internal: true, Exec: Write(parseSweep, runSweep)},
		{Name: ClusterName, Syntax: "id", Flags: FlagWrite, Internal: true, Exec: Write(raw, runCluster)},
		{Name: ChecksumName, Flags: FlagWrite, Internal: true, Exec: Write(raw, runChecksum)},
		{Name: SlotCountName, Syntax: "slot:integer", Flags: FlagReadOnly, Internal: true,
			Exec: Read(parseSlotCount, runSlotCount)},
		{Name: SlotKeysName, Syntax: "slot:integer count:integer", Flags: FlagReadOnly, Internal: true,
			Exec: Read(parseSlotKeys, runSlotKeys)},
		{Name: EncodingName, Syntax: "key:key hash-entries:integer hash-value:integer set-entries:integer zset-entries:integer zset-value:integer", Flags: FlagReadOnly, Internal: true,
			Exec: Read(parseEncoding, runEncoding)},
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
