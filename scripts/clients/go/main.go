// Command clients drives the Go clients; see ../load.mjs for what a driver does. It is a module of its own, so that
// Cairn does not need what only these drivers need.
//
//	clients CLIENT MODE SETTINGS HOST:PORT,...
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// client is what a driver asks of a library.
type client interface {
	set(ctx context.Context, key, value string) error
	get(ctx context.Context, key string) (string, error)
	incr(ctx context.Context, key string) (int64, error)
	pipeline(ctx context.Context, keys []string) error
	mset(ctx context.Context, pairs map[string]string) error
	mget(ctx context.Context, keys []string) ([]string, error)
}

func main() {
	name, mode, settings, addrs := os.Args[1], os.Args[2], os.Args[3], strings.Split(os.Args[4], ",")
	d := &driver{}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		word, arg, _ := strings.Cut(in.Text(), " ")
		answer, err := d.obey(word, arg, func() (client, error) {
			if name == "rueidis" {
				return newRueidis(mode, settings, addrs)
			}
			return newGoRedis(mode, settings, addrs), nil
		})
		switch {
		case err != nil:
			d.say("fail %v", err)
		case word != "load":
			d.say("done %s", answer)
		}
	}
}

type driver struct {
	c, w client // w writes while c reads
	stop chan struct{}
	wg   sync.WaitGroup
	mu   sync.Mutex
}

func (d *driver) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Println(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " "))
}

func (d *driver) obey(word, arg string, connect func() (client, error)) (answer string, err error) {
	switch word {
	case "connect":
		if d.c, err = connect(); err == nil {
			d.w, err = connect()
		}
	case "basics":
		err = d.basics(context.Background())
	case "whole":
		return d.whole(context.Background(), arg)
	case "load":
		d.stop = make(chan struct{})
		for id := range 4 {
			d.wg.Go(func() { d.call(id, fmt.Sprintf("%s:%d", arg, id)) })
		}
	case "rest":
		close(d.stop)
		d.wg.Wait()
	}
	return "", err
}

func (d *driver) basics(ctx context.Context) error {
	if err := d.c.set(ctx, "basics:k", "v"); err != nil {
		return fmt.Errorf("SET: %w", err)
	}
	if got, err := d.c.get(ctx, "basics:k"); err != nil || got != "v" {
		return fmt.Errorf("GET: %q, %v", got, err)
	}
	n, err := d.c.incr(ctx, "basics:n")
	m, err2 := d.c.incr(ctx, "basics:n")
	if err := errors.Join(err, err2); err != nil || m != n+1 {
		return fmt.Errorf("INCR: %d and %d, %v", n, m, err)
	}
	var keys []string
	for i := range 50 {
		keys = append(keys, fmt.Sprintf("basics:%d", i))
	}
	if err := d.c.pipeline(ctx, keys); err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	for _, k := range keys {
		if got, err := d.c.get(ctx, k); err != nil || got != k {
			return fmt.Errorf("pipeline: %s is %q, %v", k, got, err)
		}
	}
	if err := d.c.mset(ctx, map[string]string{"{b}1": "x", "{b}2": "y"}); err != nil {
		return fmt.Errorf("MSET: %w", err)
	}
	if got, err := d.c.mget(ctx, []string{"{b}1", "{b}2"}); err != nil || !slices.Equal(got, []string{"x", "y"}) {
		return fmt.Errorf("MGET: %q, %v", got, err)
	}
	return nil
}

func (d *driver) whole(ctx context.Context, prefix string) (string, error) {
	var keys []string
	for i := range 100 {
		keys = append(keys, fmt.Sprint(prefix, i))
	}
	write := func(c client, value string) error {
		pairs := map[string]string{}
		for _, k := range keys {
			pairs[k] = value
		}
		return c.mset(ctx, pairs)
	}
	if err := write(d.c, "-"); err != nil {
		return "", err
	}
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if err := write(d.w, fmt.Sprintf("%1000d", n)); err != nil {
				ended <- err
				return
			}
		}
	}()
	torn := 0
	var failed error
	for range 300 {
		got, err := d.c.mget(ctx, keys)
		if failed = err; failed != nil {
			break
		}
		if slices.ContainsFunc(got, func(s string) bool { return s != got[0] }) {
			torn++
		}
	}
	close(stop)
	return fmt.Sprint(torn), errors.Join(failed, <-ended)
}

// call counts until the load rests.
func (d *driver) call(id int, key string) {
	now := func() float64 { return float64(time.Now().UnixMicro()) / 1000 }
	for {
		select {
		case <-d.stop:
			return
		default:
		}
		began := now()
		n, err := d.c.incr(context.Background(), key)
		if err == nil {
			d.say("ack %d %.2f %.2f %d", id, began, now(), n)
			continue
		}
		d.say("err %d %.2f %.2f %v", id, began, now(), err)
		time.Sleep(10 * time.Millisecond)
	}
}
