package node

import (
	"strconv"
	"strings"
	"time"

	"cairn/fsm/replica"
)

// config is what CONFIG GET shows of the options: those that Redis has too by its names, Cairn's own as the flags are
// called, after "cairn-". What is 0 is left to the package that has it. Secrets are not shown.
func (o Options) config() map[string]string {
	var peers []string
	for _, p := range o.Peers {
		peers = append(peers, p.ID+"="+p.Addr)
	}
	return map[string]string{
		"port": strconv.Itoa(o.Port), "bind": o.Bind, "dir": o.Dir,

		"cairn-advertise":        o.Advertise,
		"cairn-drain":            shownTime(o.Drain),
		"cairn-election-timeout": shownTime(o.Election),
		"cairn-election-wait":    shownTime(o.ElectionWait),
		"cairn-heartbeat":        shownTime(o.Heartbeat),
		"cairn-id":               o.ID,
		"cairn-join":             strings.Join(o.Join, ","),
		"cairn-learner":          yesNo(o.Learner),
		"cairn-leave-on-exit":    yesNo(o.LeaveOnExit),
		"cairn-log-bytes":        strconv.FormatInt(o.LogBytes, 10),
		"cairn-max-staleness":    shownTime(o.MaxStaleness),
		"cairn-new-cluster":      yesNo(o.NewCluster),
		"cairn-peers":            strings.Join(peers, ","),
		"cairn-reads":            map[replica.Consistency]string{replica.Linearizable: "linearizable", replica.Lease: "lease", replica.Local: "local"}[o.Reads],
		"cairn-row-cache":        strconv.FormatInt(o.RowCache, 10),
		"cairn-sentinel-master":  o.SentinelMaster,
		"cairn-snapshot-entries": strconv.FormatUint(o.SnapshotEntries, 10),
		"cairn-stream-rate":      strconv.FormatInt(o.StreamRate, 10),
	}
}

// shownTime is a time as flags take it.
func shownTime(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	return d.String()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
