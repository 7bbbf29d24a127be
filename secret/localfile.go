package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// readKeys reads the key file at path. A missing file is [ErrNoMaster].
func readKeys(path string) ([]localKey, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("master key file %s: %w", path, ErrNoMaster)
	}
	if err != nil {
		return nil, fmt.Errorf("master key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("master key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("master key file %s: not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&forbidden(info, os.Geteuid()) != 0 {
		return nil, fmt.Errorf("master key file %s: others than its owner may use it (mode %04o): run chmod 600 %s", path, mode, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	defer Wipe(data)
	if err != nil {
		return nil, fmt.Errorf("master key file: %w", err)
	}
	keys, err := parseKeyFile(data)
	if err != nil {
		return nil, fmt.Errorf("master key file %s: %w", path, err)
	}
	return keys, nil
}

// forbidden gives the bits that the mode of a key file must not have. What root hands to a service, its group may read: so
// it is with secrets in Kubernetes, and PostgreSQL takes such files for its TLS keys (ssl_key_file) too.
func forbidden(info fs.FileInfo, self int) fs.FileMode {
	if of, ok := info.Sys().(*syscall.Stat_t); ok && of.Uid == 0 && self != 0 {
		return 0o037
	}
	return 0o077
}

// writeKeys puts a key file in place as a whole: at every instant, and after a power cut, path is as it was or complete.
// The caller holds lockKeys, which makes the temporary file its own; one that a crash left behind is written over.
func writeKeys(path string, keys []localKey) error {
	data := formatKeyFile(keys)
	defer Wipe(data)
	temporary := path + ".new"
	if err := writeSynced(temporary, data); err != nil {
		return fmt.Errorf("write master key file: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write master key file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// writeSynced replaces what is at path.
func writeSynced(path string, data []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return createSynced(path, data)
}

// createSynced writes a file for its owner alone where none is. It leaves none that is not whole, unless the power is cut.
func createSynced(path string, data []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if err := f.Chmod(0o600); err != nil { // whatever the umask
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// createKeys makes the key file at path with one random key, unless there is one: of several processes that try at once,
// all find the same key. When it returns, file and folders survive a power cut.
func createKeys(path string) ([]localKey, error) {
	dir := filepath.Dir(path)
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("folder of the master key file: %w", err)
	}
	unlock, err := lockKeys(path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	keys, err := readKeys(path)
	if errors.Is(err, ErrNoMaster) {
		keys = []localKey{newLocalKey()}
		return keys, writeKeys(path, keys)
	}
	if err != nil {
		return nil, err
	}
	return keys, syncDir(dir)
}

// GenerateKeyFile makes a key file with one random key at a path where nothing is, for its owner alone (0600), and returns the
// key's name, which is no secret. An error that wraps [fs.ErrExist] says that something is there, which is left as it is. When
// it returns, the file survives a power cut.
func GenerateKeyFile(path string) (id string, err error) {
	key := newLocalKey()
	data := formatKeyFile([]localKey{key})
	defer Wipe(data)
	err = createSynced(path, data)
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return "", fmt.Errorf("make a master key file: %w", err)
	}
	return key.id(), nil
}

// isReadOnly reports whether an error says that this process may not write there.
func isReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// lockKeys keeps other processes, and other callers in this one, from changing the key file, and waits for them. The
// kernel lets go of the lock when its holder dies. Where the folder may not be written, nobody of our rights can change
// the file and there is nothing to lock.
func lockKeys(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if isReadOnly(err) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock of the master key file: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock of the master key file %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // closing the only descriptor releases the lock
}

// makeDir makes dir and the folders above it, each for the owner alone and durably entered in its parent.
func makeDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s: not a folder", dir)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
