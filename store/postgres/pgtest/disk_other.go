//go:build !linux

package pgtest

import "errors"

func mountDisk(string, int64, owner) (bool, error) { return false, errors.ErrUnsupported }

func unmountDisk(string) error { return errors.ErrUnsupported }

// FillDisk is not to be had here.
func (*Server) FillDisk() error { return errors.ErrUnsupported }

// FreeDisk is not to be had here.
func (*Server) FreeDisk() error { return errors.ErrUnsupported }
