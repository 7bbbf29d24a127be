package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"muster/password"
)

// hashCommand is what the server starts itself with, to hash passwords of batches in a process apart; see [password.Pool.Delegate].
const hashCommand = "hash-for-parent"

// hashing is the command of such a process: of the very program that runs, also where its file was replaced meanwhile. It is given
// nothing of the environment, which may hold secrets. Each hash takes new memory: to collect it less often than usual costs 10 MB and
// saves two hundredths of the time.
func hashing() *exec.Cmd {
	program := "/proc/self/exe"
	if runtime.GOOS != "linux" {
		program, _ = os.Executable() // where it is not known the process cannot be started, which is told
	}
	return &exec.Cmd{Path: program, Args: []string{os.Args[0], hashCommand}, Env: []string{"GOMAXPROCS=1", "GOGC=200"}}
}

// hashForParent hashes, and does not return, if that is what the process was started for. It ends when the server does, and not by
// the signals that a terminal or a service manager sends to both.
func hashForParent() {
	if len(os.Args) != 2 || os.Args[1] != hashCommand {
		return
	}
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := password.Serve(password.Hasher{}, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "muster: hash for the server:", err)
		os.Exit(exitFailed)
	}
	os.Exit(exitOK)
}
