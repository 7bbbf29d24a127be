package crashtest

import "syscall"

// notOrphaned ends a child with the test, however that ends.
func notOrphaned() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
