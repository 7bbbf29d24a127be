package pgtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

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

func (s *Server) killAll() error {
	if s.process == nil {
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
	if s.process != nil {
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
	if s.process == nil {
		return errors.New("pgtest: the server does not run")
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

// childrenOf finds a process's children in /proc (proc_pid_stat(5)).
func childrenOf(pid int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	if len(stats) == 0 {
		return nil, errors.New("pgtest: /proc does not list processes, which finding the server's takes")
	}
	var children []int
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil { // it has ended meanwhile
			continue
		}
		// The name in parentheses may hold anything; state and parent follow.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, err
		}
		children = append(children, child)
	}
	return children, nil
}
