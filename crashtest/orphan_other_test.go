//go:build !linux

package crashtest

import "syscall"

// notOrphaned has no means here: the test's cleanup ends its children, unless it is killed itself.
func notOrphaned() *syscall.SysProcAttr { return nil }
