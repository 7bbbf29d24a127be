package pgtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// mountDisk makes the folder a disk of its own, in memory, and reports whether this process may.
func mountDisk(dir string, size int64, o owner) (bool, error) {
	uid, gid := os.Geteuid(), os.Getegid()
	if o.credential != nil {
		uid, gid = int(o.credential.Uid), int(o.credential.Gid)
	}
	err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d,mode=700,uid=%d,gid=%d", size, uid, gid))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// unmountDisk undoes mountDisk, also while files are open. It fails where nothing was mounted.
func unmountDisk(dir string) error { return unix.Unmount(dir, unix.MNT_DETACH) }

const ballast = "ballast"

// FillDisk takes all room that is left on the disk of a server that has one of its own. Where this process may mount none,
// the server's processes may write no more to any file instead, which they tell from a full disk by the error's name alone.
func (s *Server) FillDisk() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mounted {
		return s.limitFiles(0)
	}
	f, err := os.OpenFile(filepath.Join(s.dir, ballast), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("pgtest: fill the disk: %w", err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; { // what does not fit as a whole may fit in part
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			return fmt.Errorf("pgtest: fill the disk: %w", err)
		}
	}
	return nil
}

// FreeDisk undoes FillDisk. The server may have ended by itself meanwhile; Restart starts it again.
func (s *Server) FreeDisk() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mounted {
		return s.limitFiles(unix.RLIM_INFINITY)
	}
	if err := os.Remove(filepath.Join(s.dir, ballast)); err != nil {
		return fmt.Errorf("pgtest: free the disk: %w", err)
	}
	return nil
}

// limitFiles sets the soft limit of the size of files (RLIMIT_FSIZE) for all of the server's processes.
func (s *Server) limitFiles(size uint64) error {
	s.reap()
	if s.process == nil {
		return nil
	}
	pids, err := childrenOf(s.process.pid)
	if err != nil {
		return err
	}
	limit := func(pid int) error {
		var now unix.Rlimit
		if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &now); err != nil {
			return err
		}
		now.Cur = min(size, now.Max)
		return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &now, nil)
	}
	for _, pid := range append([]int{s.process.pid}, pids...) { // the parent first: its children inherit it
		if err := limit(pid); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("pgtest: limit the files of process %d: %w", pid, err)
		}
	}
	return nil
}
