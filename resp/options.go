package resp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cairn/fsm/replica"
)

// Options configures a Server. The zero value of a field means its default.
type Options struct {
	Backend Backend // required
	Logger  *slog.Logger
	// LogLevel is what CONFIG SET loglevel changes; without it loglevel is shown but cannot be set.
	LogLevel *slog.LevelVar

	MaxClients      int    // default 10000
	ProtoMaxBulkLen int64  // bytes in one argument; default 64 MiB
	RequirePass     string // default: none
	Unprotected     bool   // protected mode is off
	OpenLinks       bool   // links between nodes need no secret: protected mode takes them from this machine only

	Consistency replica.Consistency // of plain reads; default Linearizable

	Advertise string // host:port that clients and nodes use for this node: a redirect never names it
	// SentinelMaster is what SENTINEL calls the master; default "cairn".
	SentinelMaster string
	Version        string // of this program, for INFO
	// Config is shown by CONFIG GET: "port", "dir", "bind" … It cannot change what CONFIG SET can.
	Config map[string]string
	// Verify is what CAIRN.VERIFY calls; see replica.Replica. Without it CAIRN.VERIFY is an error.
	Verify func(ctx context.Context, timeout time.Duration) (replica.Verdict, error)
	// Shutdown is what the SHUTDOWN command calls; it must return at once. Without it SHUTDOWN is an error.
	Shutdown func()
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxClients == 0 {
		o.MaxClients = 10000
	}
	if o.ProtoMaxBulkLen == 0 {
		o.ProtoMaxBulkLen = defaultBulk
	}
	if o.SentinelMaster == "" {
		o.SentinelMaster = "cairn"
	}
	if o.Version == "" {
		o.Version = "unknown"
	}
	return o
}

// Validate reports every fault of o, for those who read it from flags: NewServer panics with them.
func (o Options) Validate() error {
	var errs []error
	if o.Backend == nil {
		errs = append(errs, errors.New("resp: no backend"))
	}
	if o.MaxClients < 0 {
		errs = append(errs, fmt.Errorf("resp: maxclients %d is negative", o.MaxClients))
	}
	if o.ProtoMaxBulkLen != 0 && o.ProtoMaxBulkLen < minBulkLen {
		errs = append(errs, fmt.Errorf("resp: proto-max-bulk-len %d is below %d", o.ProtoMaxBulkLen, minBulkLen))
	}
	if o.SentinelMaster != "" && !isMasterName(o.SentinelMaster) {
		errs = append(errs, fmt.Errorf("resp: a master cannot be called %q", o.SentinelMaster))
	}
	return errors.Join(errs...)
}
