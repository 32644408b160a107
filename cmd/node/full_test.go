package node

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestStoppedWhileOpening: a start ends with its context, also where Pebble does not return: its tables cannot be
// written.
func TestStoppedWhileOpening(t *testing.T) {
	mem := vfs.NewMem()
	prepare(t, mem, 5, 3, 0, 4, 5, 1)
	o := Options{Dir: "/data", Port: -1}
	o.FS = mem
	if err := (identity{Format: 1, ID: "n1", Peers: []string{"n1"}}).writeFile(o.withDefaults()); err != nil {
		t.Fatal(err)
	}
	var full atomic.Bool
	full.Store(true)
	tried := make(chan struct{}, 1)
	o.FS = errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !full.Load() || !strings.HasSuffix(op.Path, ".sst") || op.Kind != errorfs.OpCreate {
			return nil
		}
		select {
		case tried <- struct{}{}:
		default:
		}
		return syscall.ENOSPC
	}))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		_, err := Start(ctx, o)
		ended <- err
	}()
	<-tried
	began := time.Now()
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) || time.Since(began) > patience {
		t.Errorf("after %v it ends with %v", time.Since(began), err)
	}
	// What was left behind lets go of the directory once it can be opened.
	full.Store(false)
	for {
		n, err := Start(context.Background(), o)
		if err == nil {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
			return
		}
		if time.Since(began) > time.Minute {
			t.Fatal(err)
		}
		<-time.After(100 * time.Millisecond)
	}
}
