package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"cairn/scripts/internal/procs"
)

// growth is a lone node, and a redis-server, with more and more keys.
type growth struct {
	shared
	Keys     []int `help:"How many keys there are, one after the other." default:"10000,1000000,20000000"`
	Size     int   `help:"Bytes of a value." default:"64"`
	Depth    int   `help:"How many calls are sent at a time." default:"16"`
	Requests int   `help:"How many calls a run makes." default:"500000"`
	Turns    int   `help:"How often each is measured." default:"3"`
	Alone    bool  `help:"Without the redis-server."`
}

// Run fills and measures.
func (o *growth) Run() error {
	c, _, err := o.start(1)
	if err != nil {
		return err
	}
	defer c.Close()
	ports := map[string]string{"cairn": strconv.Itoa(o.Port)}
	names := []string{"cairn"}
	if !o.Alone {
		redis, err := startRedis(o.Port + 1)
		if err != nil {
			return err
		}
		defer redis.stop()
		ports["redis-server"] = strconv.Itoa(o.Port + 1)
		names = append(names, "redis-server")
	}
	for _, keys := range o.Keys {
		for _, name := range names {
			if err := fill("127.0.0.1:"+ports[name], keys, o.Size); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		rates := map[string][]float64{}
		for range o.Turns {
			for _, call := range []string{"set", "get"} {
				for _, name := range names {
					rate, err := benchmark(ports[name], call, o.Requests, o.Depth, o.Size, keys)
					if err != nil {
						return fmt.Errorf("%s: %w", name, err)
					}
					rates[name+call] = append(rates[name+call], rate)
				}
			}
		}
		fmt.Printf("%d keys:", keys)
		for _, call := range []string{"set", "get"} {
			ours := median(rates["cairn"+call])
			fmt.Printf(" %s %.0f/s", call, ours)
			if !o.Alone {
				fmt.Printf(" (%.2f of redis-server)", ours/median(rates["redis-server"+call]))
			}
		}
		if err := o.look(c); err != nil {
			return err
		}
	}
	return nil
}

// look asks for what should not depend on how many keys there are, and walks over all of them.
func (o *growth) look(c *procs.Cluster) error {
	conn, err := procs.Dial(c.Addrs()[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	before, err := resident(c.Pid(0))
	if err != nil {
		return err
	}
	began := time.Now()
	size, err := conn.Do("DBSIZE")
	if err != nil {
		return err
	}
	dbsize := time.Since(began)
	began = time.Now()
	found, most := 0, before
	for cursor := "0"; cursor != "0" || found == 0; {
		text, err := conn.Do("SCAN", cursor, "COUNT", "1000")
		if err != nil {
			return err
		}
		rest := ""
		cursor, rest, _ = strings.Cut(text, "\n")
		found += strings.Count(rest, "\n") + 1
		now, err := resident(c.Pid(0))
		if err != nil {
			return err
		}
		most = max(most, now)
	}
	scan := time.Since(began)
	fmt.Printf("; resident %d MiB; DBSIZE %s in %v; SCAN found %d in %v, resident at most %d MiB meanwhile", before>>20, size,
		dbsize.Round(10*time.Microsecond), found, scan.Round(10*time.Millisecond), most>>20)
	began = time.Now()
	watch := watchResident(c.Pid(0))
	found, err = conn.Count("KEYS", "*")
	list := time.Since(began)
	if most = watch(); err != nil {
		return err
	}
	fmt.Printf("; KEYS found %d in %v, resident at most %d MiB meanwhile; %s\n", found, list.Round(10*time.Millisecond), most>>20, machineLoad())
	return nil
}

// watchResident looks at what a process has until the call of stop, which returns the most there was.
func watchResident(pid int) (stop func() int64) {
	done, most := make(chan struct{}), make(chan int64)
	go func() {
		seen := int64(0)
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			now, _ := resident(pid) // 0 when it is gone
			seen = max(seen, now)
			select {
			case <-tick.C:
			case <-done:
				tick.Stop()
				most <- seen
				return
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-most
	}
}

// resident returns the bytes of memory that a process has.
func resident(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	var size, pages int64
	_, err = fmt.Sscan(string(b), &size, &pages)
	return pages * int64(os.Getpagesize()), err
}
