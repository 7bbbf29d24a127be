package pgtest

import "syscall"

// endWithParent has the process killed when the thread that starts it ends.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
