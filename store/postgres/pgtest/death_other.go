//go:build !linux

package pgtest

import "syscall"

// endWithParent does nothing: a server whose tests were killed stays.
func endWithParent(*syscall.SysProcAttr) {}
