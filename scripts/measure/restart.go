package main

import (
	"fmt"
	"time"

	"cairn/scripts/internal/procs"
)

// restart is a lone node that is killed and started.
type restart struct {
	shared
	Keys  int `help:"How many keys it has." default:"5000000"`
	Size  int `help:"Bytes of a value." default:"64"`
	Turns int `help:"How often it is killed." default:"5"`
}

// Run kills the node right after writes, when it has most to make good, and says when it reads and writes again.
func (o *restart) Run() error {
	c, _, err := o.start(1)
	if err != nil {
		return err
	}
	defer c.Close()
	addr := c.Addrs()[0]
	if err := fill(addr, o.Keys, o.Size); err != nil {
		return err
	}
	for turn := range o.Turns {
		if turn > 0 {
			if err := fill(addr, o.Keys/10, o.Size); err != nil {
				return err
			}
		}
		c.Kill(0)
		began := time.Now()
		if err := c.Start(0); err != nil {
			return err
		}
		took := map[string]time.Duration{}
		for _, words := range [][]string{{"GET", "key:000000000000"}, {"SET", "restart", "x"}} {
			if err := served(addr, words); err != nil {
				return err
			}
			took[words[0]] = time.Since(began)
		}
		fmt.Printf("kill -9 %d: the first GET after %v, the first SET after %v; %s\n", turn+1,
			took["GET"].Round(time.Millisecond), took["SET"].Round(time.Millisecond), machineLoad())
	}
	return nil
}

// served asks until it is answered.
func served(addr string, words []string) error {
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var c *procs.Conn
		if c, err = procs.Dial(addr); err != nil {
			continue
		}
		_, err = c.Do(words...)
		c.Close()
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("not served within a minute: %w", err)
}
