package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

type goRedis struct{ redis.UniversalClient }

func newGoRedis(mode, settings string, addrs []string) client {
	switch mode + " " + settings {
	case "cluster default":
		return goRedis{redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})}
	case "cluster recommended":
		rdb := redis.NewClusterClient(&redis.ClusterOptions{
			Addrs:                      addrs,
			ClusterStateReloadInterval: time.Second,
		})
		rdb.OnNewNode(func(node *redis.Client) { node.AddHook(once{}) })
		return goRedis{rdb}
	case "sentinel default":
		return goRedis{redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "cairn", SentinelAddrs: addrs})}
	}
	rdb := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName:    "cairn",
		SentinelAddrs: addrs,
		MaxRetries:    -1,
	})
	return goRedis{rdb}
}

// once keeps a cluster client from sending a command again whose connection broke before the answer. The error that it
// returns wraps nothing in which the client would recognise a broken connection.
type once struct{}

func (once) DialHook(next redis.DialHook) redis.DialHook { return next }

func (once) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return inDoubt(next(ctx, cmd)) }
}

func (once) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return next(ctx, cmds) }
}

func inDoubt(err error) error {
	var answer redis.Error
	var op *net.OpError
	if err == nil || errors.As(err, &answer) || errors.As(err, &op) && op.Op == "dial" {
		return err
	}
	return fmt.Errorf("in doubt: %v", err)
}

func (c goRedis) set(ctx context.Context, key, value string) error {
	return c.Set(ctx, key, value, 0).Err()
}
func (c goRedis) get(ctx context.Context, key string) (string, error) {
	return c.Get(ctx, key).Result()
}
func (c goRedis) incr(ctx context.Context, key string) (int64, error) {
	return c.Incr(ctx, key).Result()
}
func (c goRedis) mset(ctx context.Context, pairs map[string]string) error {
	return c.MSet(ctx, pairs).Err()
}

func (c goRedis) pipeline(ctx context.Context, keys []string) error {
	p := c.Pipeline()
	for _, k := range keys {
		p.Set(ctx, k, k, 0)
	}
	_, err := p.Exec(ctx)
	return err
}

func (c goRedis) mget(ctx context.Context, keys []string) (all []string, err error) {
	got, err := c.MGet(ctx, keys...).Result()
	for _, v := range got {
		s, _ := v.(string)
		all = append(all, s)
	}
	return all, err
}
