package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// LockName is the name of the lock file in the data folder. The file stays; what counts is the lock on it.
const LockName = "muster.lock"

// ErrLocked says that another process has the data folder.
var ErrLocked = errors.New("the data folder is in use by another process")

// Lock takes the data folder for this process alone, made if it is not there; closing the answer gives it back, and so
// does the process's end, however it ends (flock(2)). The error names the folder and wraps [ErrLocked] if another process,
// or another caller in this one, has it.
func Lock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("sqlite: make the data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, LockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sqlite: lock the data folder: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%w: stop it, or choose another folder", ErrLocked)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: lock %s: %w", dir, err), f.Close())
	}
	return f, nil
}
