package parity_test

import (
	"flag"
	"fmt"
	"testing"

	"cairn/cmd/internal/redistest"
	"cairn/cmd/internal/transcript"
)

var update = flag.Bool("update", false, "write the replies of a real Redis into the transcripts, and Cairn's where it differs by design")

// TestTranscripts runs the transcripts of COMMAND and CLUSTER on a node, and on a real Redis, which has
// cluster mode on for CLUSTER. The kinds of their replies are compared in RESP2 and RESP3.
func TestTranscripts(t *testing.T) {
	c, leader, _ := cairn(t, 1)
	for name, cluster := range map[string]bool{"command": false, "cluster": true} {
		real := redis(t, cluster)
		for _, f := range transcript.Load(t, "../../../resp/testdata/*/"+name+".txt") {
			t.Run(name, func(t *testing.T) {
				if *update {
					transcript.Update(t, f, real, true)
					f = transcript.Load(t, f.Path)[0]
					transcript.Update(t, f, c.Client(leader), false)
					return
				}
				transcript.Run(t, f.Cases, c.Client(leader))
				transcript.RunOnRedis(t, f.Cases, real)
			})
			for _, proto := range []string{"2", "3"} {
				t.Run(fmt.Sprintf("%s/resp=%s", name, proto), func(t *testing.T) {
					for _, client := range []*redistest.Client{c.Client(leader), real} {
						ask(t, client, "FLUSHALL")
					}
					ours := c.Client(leader)
					ask(t, ours, "HELLO "+proto)
					ask(t, real, "HELLO "+proto)
					transcript.CompareKinds(t, f.Cases, ours, real)
				})
			}
		}
	}
}
