package transcript_test

import (
	"flag"
	"fmt"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/cmd/internal/redistest"
	"cairn/cmd/internal/transcript"
	"cairn/fsm/command"
)

const testdata = "../../../fsm/command/testdata/*/*.txt"

var update = flag.Bool("update", false, "write the replies of what the test runs on into the transcripts")

// TestTranscripts runs every transcript on a bare store.
func TestTranscripts(t *testing.T) {
	for _, f := range transcript.Load(t, testdata) {
		t.Run(f.Name, func(t *testing.T) {
			bare := transcript.NewBare(t, vfs.NewMem(), command.Rows())
			if *update {
				transcript.Update(t, f, bare, false)
				return
			}
			transcript.Run(t, f.Cases, bare)
		})
	}
}

// TestTranscriptsOnRedis runs every transcript on the real thing.
func TestTranscriptsOnRedis(t *testing.T) {
	addr := redistest.Oracle(t)
	for _, f := range transcript.Load(t, testdata) {
		t.Run(f.Name, func(t *testing.T) {
			redis := dial(t, addr)
			if *update {
				transcript.Update(t, f, redis, true)
				return
			}
			transcript.RunOnRedis(t, f.Cases, redis)
		})
	}
}

// TestKindsOnRedis compares the kinds of the replies, which the transcripts do not show, in RESP2 and RESP3.
func TestKindsOnRedis(t *testing.T) {
	addr := redistest.Oracle(t)
	for _, f := range transcript.Load(t, testdata) {
		for _, proto := range []int{2, 3} {
			t.Run(fmt.Sprintf("%s/resp=%d", f.Name, proto), func(t *testing.T) {
				redis := dial(t, addr)
				if _, err := redis.Cmd("HELLO", strconv.Itoa(proto)); err != nil {
					t.Fatal(err)
				}
				bare := transcript.NewBare(t, vfs.NewMem(), command.Rows())
				bare.SetProto(proto)
				transcript.CompareKinds(t, f.Cases, bare, redis)
			})
		}
	}
}

// dial returns a fresh connection to an emptied Redis.
func dial(t testing.TB, addr string) *redistest.Client {
	t.Helper()
	c, err := redistest.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Cmd("FLUSHALL"); err != nil {
		t.Fatal(err)
	}
	return c
}
