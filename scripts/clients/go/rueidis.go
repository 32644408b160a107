package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"
)

type rueidisClient struct {
	rueidis.Client
	helpers bool // MSET and MGET are asked of the library's helpers
}

func newRueidis(mode, settings string, addrs []string) (client, error) {
	o := rueidis.ClientOption{InitAddress: addrs}
	if settings == "recommended" {
		o = rueidis.ClientOption{
			InitAddress:      addrs,
			DisableCache:     true,
			ConnWriteTimeout: 5 * time.Second,
		}
	}
	if mode == "sentinel" && settings == "recommended" {
		o.Sentinel = rueidis.SentinelOption{MasterSet: "cairn", TopologyRefreshInterval: time.Second}
	} else if mode == "sentinel" {
		o.Sentinel.MasterSet = "cairn"
	}
	c, err := rueidis.NewClient(o)
	return rueidisClient{c, settings == "default"}, err
}

func (c rueidisClient) do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return c.Do(ctx, cmd)
}

func (c rueidisClient) set(ctx context.Context, key, value string) error {
	return c.do(ctx, c.B().Set().Key(key).Value(value).Build()).Error()
}

func (c rueidisClient) get(ctx context.Context, key string) (string, error) {
	return c.do(ctx, c.B().Get().Key(key).Build()).ToString()
}

func (c rueidisClient) incr(ctx context.Context, key string) (int64, error) {
	return c.do(ctx, c.B().Incr().Key(key).Build()).AsInt64()
}

func (c rueidisClient) pipeline(ctx context.Context, keys []string) (err error) {
	var cmds rueidis.Commands
	for _, k := range keys {
		cmds = append(cmds, c.B().Set().Key(k).Value(k).Build())
	}
	for _, r := range c.DoMulti(ctx, cmds...) {
		err = errors.Join(err, r.Error())
	}
	return err
}

// mset writes with the helper of the library, which sends a SET a key to a cluster, or else with one command.
func (c rueidisClient) mset(ctx context.Context, pairs map[string]string) (err error) {
	if c.helpers {
		for _, e := range rueidis.MSet(c.Client, ctx, pairs) {
			err = errors.Join(err, e)
		}
		return err
	}
	defer refused(&err)
	mset := c.B().Mset().KeyValue()
	for k, v := range pairs {
		mset = mset.KeyValue(k, v)
	}
	return c.do(ctx, mset.Build()).Error()
}

func (c rueidisClient) mget(ctx context.Context, keys []string) (all []string, err error) {
	if !c.helpers {
		defer refused(&err)
		return c.do(ctx, c.B().Mget().Key(keys...).Build()).AsStrSlice()
	}
	got, err := rueidis.MGet(c.Client, ctx, keys)
	for _, k := range keys {
		m := got[k]
		s, e := m.ToString()
		all, err = append(all, s), errors.Join(err, e)
	}
	return all, err
}

// refused makes an error of the panic with which the library refuses keys of several slots.
func refused(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%v", p)
	}
}
