//go:build linux || darwin

package main

import (
	"fmt"
	"syscall"
)

// diskFree reports the free and total bytes of the file system that holds the folder.
func diskFree(dir string) func() (free, total uint64, err error) {
	return func() (free, total uint64, err error) {
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err != nil {
			return 0, 0, fmt.Errorf("free space of %s: %w", dir, err)
		}
		block := uint64(fs.Bsize)
		return fs.Bavail * block, fs.Blocks * block, nil
	}
}
