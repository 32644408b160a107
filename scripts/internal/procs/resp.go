package procs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Conn is a connection that knows RESP2. It is for one goroutine.
type Conn struct {
	net.Conn
	in  *bufio.Reader
	out *bufio.Writer
}

// Dial connects to a node.
func Dial(addr string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &Conn{c, bufio.NewReader(c), bufio.NewWriter(c)}, nil
}

// Do returns the reply; with an error reply it returns both its text and an error.
func (c *Conn) Do(words ...string) (string, error) {
	c.Send(words...)
	return c.Receive()
}

// Send queues a command for the next Receive.
func (c *Conn) Send(words ...string) {
	fmt.Fprintf(c.out, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(c.out, "$%d\r\n%s\r\n", len(w), w)
	}
}

// Receive sends what is queued and returns the next reply, see Do.
func (c *Conn) Receive() (string, error) {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // an error shows at the write
	if err := c.out.Flush(); err != nil {
		return "", err
	}
	return c.read()
}

// Count returns how many elements an array has that a command answers with. It keeps none of them.
func (c *Conn) Count(words ...string) (n int, err error) {
	c.Send(words...)
	_ = c.SetDeadline(time.Now().Add(5 * time.Minute)) // an error shows at the write
	if err := c.out.Flush(); err != nil {
		return 0, err
	}
	head, err := c.in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if n, err = strconv.Atoi(strings.TrimRight(strings.TrimPrefix(head, "*"), "\r\n")); err != nil {
		return 0, fmt.Errorf("no array: %s", head)
	}
	for range n {
		if _, err := c.read(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// read reads a reply; the elements of an array become lines.
func (c *Conn) read() (string, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	text := strings.TrimRight(line[1:], "\r\n")
	n := 0
	if line[0] == '$' || line[0] == '*' {
		if n, err = strconv.Atoi(text); err != nil || n < 0 {
			return "", err
		}
	}
	switch line[0] {
	case '-':
		return text, errors.New(text)
	case '$':
		body := make([]byte, n+2)
		_, err = io.ReadFull(c.in, body)
		return string(body[:n]), err
	case '*':
		lines := make([]string, n)
		for i := range lines {
			if lines[i], err = c.read(); err != nil {
				return "", err
			}
		}
		return strings.Join(lines, "\n"), nil
	}
	return text, nil
}
