package clustertest_test

import (
	"testing"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/transcript"
)

// TestTranscripts runs every transcript of the command table against the leader of three nodes; after each, the three
// keyspaces agree.
func TestTranscripts(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: slow})
	leader := c.Leader()
	for _, f := range transcript.Load(t, "../../../fsm/command/testdata/*/*.txt") {
		t.Run(f.Name, func(t *testing.T) {
			c.Do(leader, "FLUSHALL")
			client := c.Client(leader)
			defer client.Close()
			transcript.Run(t, f.Cases, client)
			c.Agree()
		})
	}
}
