package hashtable

import (
	"math/rand/v2"
	"testing"
)

// TestBuckets takes and frees buckets at random, with tags that meet: each that is taken is found from its place on,
// with no free one before it.
func TestBuckets(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	s, there := Buckets(nil).Grown(), map[Bucket]bool{}
	for at := uint32(1); at < 4_000; at++ {
		if rnd.IntN(2) == 0 {
			bucket := Bucket{Tag(uint64(rnd.IntN(40)+MinBuckets-20) << 32), at}
			if 4*(len(there)+1) > 3*len(s) && len(s) < 256 {
				s = s.Grown()
			}
			if len(there)+1 < len(s) {
				s.Insert(bucket)
				there[bucket] = true
			}
		} else {
			for bucket := range there {
				s.Remove(s.Find(bucket))
				delete(there, bucket)
				break
			}
		}
		taken := 0
		for _, bucket := range s {
			if bucket.At != 0 {
				taken++
			}
		}
		if taken != len(there) {
			t.Fatalf("%d buckets are taken, want %d, seed %d", taken, len(there), seed)
		}
		for bucket := range there {
			for at := s.First(bucket.Hash()); *at != bucket; at = s.after(at) {
				if at.At == 0 {
					t.Fatalf("%v is not found, seed %d", bucket, seed)
				}
			}
		}
	}
}

// after returns the bucket behind one.
func (s Buckets) after(at *Bucket) *Bucket {
	for i := range s {
		if at == &s[i] {
			return &s[(i+1)%len(s)]
		}
	}
	return nil
}
