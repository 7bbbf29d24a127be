package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var errStopped = errors.New("pgtest: the server does not run")

// Log gives the last lines of the server's log, "" while it does not run.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return ""
	}
	return s.process.tail()
}

// Kill ends all of the server's processes at once (SIGKILL), as a crash of the machine would that loses no writes, and
// returns when they are gone. Restart starts it again, on the same address.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.killAll()
}

// reap forgets a process that ended by itself. The caller holds mu.
func (s *Server) reap() {
	if s.process == nil {
		return
	}
	select {
	case <-s.process.ended:
		s.process = nil
	default:
	}
}

func (s *Server) killAll() error {
	if s.reap(); s.process == nil {
		return nil
	}
	// What is stopped makes no more children, so that none is missed.
	err := s.signalAll(syscall.SIGSTOP)
	err = errors.Join(err, s.signalAll(syscall.SIGKILL))
	<-s.process.ended
	s.process = nil
	return err
}

// Restart starts the server again, after a Kill or, if it still runs, after it shut down: connections are cut, their
// transactions undone, and everything written (a fast shutdown).
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reap(); s.process != nil {
		if err := syscall.Kill(s.process.pid, syscall.SIGINT); err != nil {
			return fmt.Errorf("pgtest: stop the server: %w", err)
		}
		<-s.process.ended
		s.process = nil
	}
	if err := s.start(); err != nil {
		return fmt.Errorf("pgtest: start the server again: %w", err)
	}
	return nil
}

// Freeze stops all of the server's processes (SIGSTOP): connections stay, and nothing is answered, until Thaw.
func (s *Server) Freeze() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signalAll(syscall.SIGSTOP)
}

// Thaw undoes Freeze.
func (s *Server) Thaw() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signalAll(syscall.SIGCONT)
}

// signalAll signals the postmaster first, so that SIGSTOP keeps it from making children that are missed, and then these.
func (s *Server) signalAll(signal syscall.Signal) error {
	if s.reap(); s.process == nil {
		return errStopped
	}
	postmaster := s.process.pid
	if signal == syscall.SIGKILL { // it is the children's parent, by which they are found
		children, err := childrenOf(postmaster)
		return errors.Join(err, signalEach(append(children, postmaster), signal))
	}
	if err := syscall.Kill(postmaster, signal); err != nil {
		return fmt.Errorf("pgtest: %s: %w", signal, err)
	}
	children, err := childrenOf(postmaster)
	return errors.Join(err, signalEach(children, signal))
}

func signalEach(pids []int, signal syscall.Signal) error {
	var errs []error
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) { // it has ended by itself
			errs = append(errs, fmt.Errorf("pgtest: %s to process %d: %w", signal, pid, err))
		}
	}
	return errors.Join(errs...)
}

// CPUTime is the processor time that all of the server's processes have taken since it was started, which on a machine that
// others use, too, says more than the time that passed.
func (s *Server) CPUTime() (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0, errStopped
	}
	children, err := childrenOf(s.process.pid)
	if err != nil {
		return 0, err
	}
	ticks := 0
	for _, pid := range append(children, s.process.pid) {
		fields, err := statOf(pid)
		if err != nil { // it has ended meanwhile, and is counted with the postmaster's children
			continue
		}
		// User and system time, and those of children that have ended.
		for _, field := range fields[statTimes : statTimes+4] {
			n, err := strconv.Atoi(field)
			if err != nil {
				return 0, fmt.Errorf("pgtest: processor time of process %d: %w", pid, err)
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

const (
	statParent     = 1 // in what statOf gives
	statTimes      = 11
	ticksPerSecond = 100 // of /proc, on every Linux that Go runs on
)

// childrenOf finds a process's children in /proc.
func childrenOf(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("pgtest: look for the server's processes: %w", err)
	}
	var children []int
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		fields, err := statOf(child)
		if err == nil && fields[statParent] == strconv.Itoa(pid) { // else it has ended meanwhile, or is another's
			children = append(children, child)
		}
	}
	return children, nil
}

// statOf gives what /proc says about a process, from its state on (proc_pid_stat(5)).
func statOf(pid int) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The name in parentheses may hold anything.
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])), nil
}
