// Package sqlitetest gives tests databases that are made already: to migrate one takes longer than most tests do.
package sqlitetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"muster/store/sqlite"
)

// blank is a database without anything in it.
var blank = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "muster")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := sqlite.Open(context.Background(), dir, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	if err := store.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, sqlite.FileName))
})

// Make puts a database without anything in it into a folder, where [sqlite.Open] finds it.
func Make(dir string) error {
	file, err := blank()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, sqlite.FileName), file, 0o600)
}
