package node_test

import (
	"context"
	"fmt"
	"os"

	"github.com/redis/go-redis/v9"

	"cairn/cmd/node"
)

// A node inside another program: a cluster of its own, on any free port.
func Example() {
	dir, err := os.MkdirTemp("", "cairn-example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	n, err := node.Start(context.Background(), node.Options{Dir: dir, Port: -1})
	if err != nil {
		panic(err)
	}
	defer n.Close()

	ctx := context.Background()
	client := redis.NewClient(&redis.Options{Addr: n.Addr()})
	defer client.Close()
	if err := client.Set(ctx, "greeting", "hello", 0).Err(); err != nil {
		panic(err)
	}
	fmt.Println(client.Get(ctx, "greeting").Val())
	// Output: hello
}
