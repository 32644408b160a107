// Package resp is what clients send and see: the connection loop, session state, redirects, the commands that need only
// the connection or the node, and the bytes of RESP2 and RESP3. It reaches data through Backend.
package resp
