package console

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// parseAddr completes an address to host:port. It takes host:port, host, :port and port; the host defaults to
// 127.0.0.1 and the port to 6379. An IPv6 host may stand in brackets or, when a port follows, without.
func parseAddr(s string) (string, error) {
	host, port := s, "6379"
	if _, err := strconv.Atoi(s); err == nil {
		host, port = "", s
	} else if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return "", fmt.Errorf("console: address %q: missing ]", s)
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("console: address %q: %q is no port", s, port)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	for _, c := range []byte(host) {
		if c <= ' ' || c > '~' { // it is printed in the prompt
			return "", fmt.Errorf("console: address %q: bad host", s)
		}
	}
	if strings.HasSuffix(host, ":") && host != "::" || len(host) > 255 {
		return "", fmt.Errorf("console: address %q: bad host", s)
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// movedTo returns the address of a MOVED error from the node at from. An empty host means from's own.
//
//	MOVED slot host:port
func movedTo(r reply, from string) (addr string, ok bool) {
	words := strings.Fields(r.text)
	if !r.hasPrefix("MOVED") || len(words) != 3 {
		return "", false
	}
	return resolve(words[2], from)
}

// resolve completes an address that a node told, relative to that node's own.
func resolve(told, from string) (addr string, ok bool) {
	if strings.LastIndexByte(told, ':') == 0 {
		host, _, err := net.SplitHostPort(from)
		if err != nil {
			return "", false
		}
		told = "[" + host + "]" + told
	}
	addr, err := parseAddr(told)
	return addr, err == nil
}
