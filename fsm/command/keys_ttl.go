package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
)

func ttlRows() []Spec {
	return []Spec{
		{Name: "ttl", Summary: "Tells how many seconds a key has left; -1 is no end, -2 no key",
			Exec: Read(raw, runTTL(true, false))},
		{Name: "pttl", Summary: "Tells how many milliseconds a key has left; -1 is no end, -2 no key",
			Exec: Read(raw, runTTL(false, false))},
		{Name: "expiretime", Summary: "Tells the Unix time in seconds at which a key expires; -1 is never, -2 no key",
			Exec: Read(raw, runTTL(true, true))},
		{Name: "pexpiretime", Summary: "Tells the Unix time in milliseconds at which a key expires; -1 is never, -2 no key",
			Exec: Read(raw, runTTL(false, true))},
	}
}

// runTTL makes the run of the four: in seconds, rounded to the nearest, or in milliseconds; the Unix time of the end,
// or what is left until then.
func runTTL(seconds, absolute bool) func(Env, storage.Reader, [][]byte) (reply.Reply, error) {
	return func(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
		row, ok, err := keys.Lookup(r, env.DB, argv[1])
		switch {
		case err != nil:
			return reply.Reply{}, err
		case !ok:
			return reply.Int(-2), nil
		case row.ExpireAt == 0:
			return reply.Int(-1), nil
		}
		n := row.ExpireAt
		if !absolute {
			n = max(0, n-env.Now)
		}
		if seconds {
			n = n/1000 + (n%1000+500)/1000 // not (n+500)/1000, which overflows at the end of time
		}
		return reply.Int(n), nil
	}
}
