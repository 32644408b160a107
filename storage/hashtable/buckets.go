// Package hashtable is what the memtable and the row cache find rows by: the hash of a Pebble key, and buckets with
// open addressing that say where rows are. It knows nothing of the rows.
//
// A bucket holds half of the hash, so that a row of another key is passed by without a look at it, and is so small that
// the buckets of 100,000 rows fit into a processor's second cache. What a look-up costs among many rows is waiting for
// memory, so that counts for more than all else.
package hashtable

import "hash/maphash"

// Buckets are probed one after the other: a power of two of them, or none, and one at least is free.
type Buckets []Bucket

// Bucket is free when At is 0; else At-1 says where a row is. The place of a bucket follows from Tag alone.
type Bucket struct{ Tag, At uint32 }

// MinBuckets is how many buckets a table has at least, if it has any.
const MinBuckets = 16

// Shards is how many locks the rows of a memtable or a cache are spread over, each with a table: while one grows, the
// others do not wait. The lower bits of a hash choose the shard, the upper half is the tag of a bucket.
const Shards = 64

// seed is what rows are spread by: strangers choose the keys.
var seed = maphash.MakeSeed()

// Hash returns the hash of a Pebble key. It is another in each process.
func Hash(pkey []byte) uint64 { return maphash.Bytes(seed, pkey) }

// Tag returns the part of a hash that is in a bucket.
func Tag(hash uint64) uint32 { return uint32(hash >> 32) }

// Hash returns the hash of the row of a bucket, as far as buckets know it.
func (s Bucket) Hash() uint64 { return uint64(s.Tag) << 32 }

// First returns the first bucket that a look-up of this hash reads, nil when there are none. It does not look at it.
func (s Buckets) First(hash uint64) *Bucket {
	if len(s) == 0 {
		return nil
	}
	return &s[Tag(hash)&uint32(len(s)-1)]
}

// Find returns the number of a bucket that is there.
func (s Buckets) Find(bucket Bucket) uint32 {
	mask := uint32(len(s) - 1)
	i := bucket.Tag & mask
	for s[i] != bucket {
		i = (i + 1) & mask
	}
	return i
}

// Grown returns twice as many buckets with the same rows.
func (s Buckets) Grown() Buckets {
	more := make(Buckets, max(MinBuckets, 2*len(s)))
	for _, bucket := range s {
		if bucket.At != 0 {
			more.Insert(bucket)
		}
	}
	return more
}

// Insert puts bucket into the first free one from its place on.
func (s Buckets) Insert(bucket Bucket) {
	mask := uint32(len(s) - 1)
	i := bucket.Tag & mask
	for s[i].At != 0 {
		i = (i + 1) & mask
	}
	s[i] = bucket
}

// Remove frees bucket i: those behind it that a look-up would not reach any more move up.
func (s Buckets) Remove(i uint32) {
	mask := uint32(len(s) - 1)
	for j := (i + 1) & mask; s[j].At != 0; j = (j + 1) & mask {
		if (j-s[j].Tag)&mask >= (j-i)&mask { // its place is not behind i
			s[i] = s[j]
			i = j
		}
	}
	s[i] = Bucket{}
}

// Touched makes the compiler believe that somebody needs a sum of what was read only to bring it near.
//
//go:noinline
func Touched(int) {}
