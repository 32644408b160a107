// Package parity holds Cairn's server against a real Redis over the wire, in what a server says of its commands and
// of its cluster: COMMAND and CLUSTER. It has tests only.
package parity
