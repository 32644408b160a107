package command

import (
	"fmt"
	"testing"
)

// TestMemoryUsageOfParts: of a collection in parts all elements count, whether some of them are looked at or all.
func TestMemoryUsageOfParts(t *testing.T) {
	s := newKeyStore(t)
	const elements = 1000
	for i := range elements {
		s.write("hset", "hash", fmt.Sprintf("field:%04d", i), "value") // 10 bytes and 5
		s.write("sadd", "set", fmt.Sprintf("member:%04d", i))
		s.write("zadd", "sorted", fmt.Sprint(i), fmt.Sprintf("member:%04d", i))
		s.write("rpush", "list", fmt.Sprintf("element:%04d", i))
	}
	for key, each := range map[string]int64{"hash": 15, "set": 11, "sorted": 22, "list": 12} {
		some, all := s.read("memory", "usage", key).Int, s.read("memory", "usage", key, "samples", "0").Int
		if least := each * elements; some != all || all < least || all > least*5/2 {
			t.Errorf("%s: %d bytes by five elements, %d by all of %d bytes", key, some, all, least)
		}
	}
}
