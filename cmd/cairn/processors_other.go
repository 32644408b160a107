//go:build !linux

package main

import "context"

// spareProcessors does nothing: it was measured on Linux only.
func spareProcessors(context.Context, load) {}
