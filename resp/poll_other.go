//go:build !linux

package resp

import (
	"errors"
	"net"
)

// poller is for Linux. Elsewhere no connection has a socket, and each is served by a goroutine of its own.
type poller struct{}

func newPoller() (*poller, error) { return nil, errors.ErrUnsupported }

func (p *poller) closeEpoll()                        {}
func (p *poller) watch(*conn) error                  { return errors.ErrUnsupported }
func (p *poller) remove(*conn)                       {}
func (p *poller) watched() []*conn                   { return nil }
func (p *poller) waitReady([]*conn) ([]*conn, error) { return nil, errors.ErrUnsupported }

type socket struct{ drained bool }

func newSocket(net.Conn) *socket { return nil }

// Read implements io.Reader.
func (s *socket) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

// Write implements io.Writer.
func (s *socket) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }
