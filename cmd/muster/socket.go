package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// socketName is the Unix socket in the data folder on which a server takes the operator's calls.
const socketName = "muster.sock"

// maxSocketPath is the longest path of a socket that all systems take, in bytes: sun_path has 104 on BSD and macOS, 108 on
// Linux, with a NUL at its end.
const maxSocketPath = 103

// socketListener is a listener on the folder's socket. Closing it removes the socket.
type socketListener struct {
	net.Listener
	path   string
	folder *os.File // keeps the path short while the listener lives; nil where it is short by itself
}

// listenSocket listens on the folder's socket, for the owner of the folder alone. The caller holds the folder's lock, so
// that a socket which is there was left behind by a process that died. The socket appears in its place with its mode set.
func listenSocket(dir string) (net.Listener, error) {
	prefix, folder, err := shortPath(dir)
	if err != nil {
		return nil, err
	}
	l := &socketListener{path: filepath.Join(dir, socketName), folder: folder}
	temporary := filepath.Join(dir, socketName+".new")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("socket: %w", err), l.release())
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: prefix + socketName + ".new", Net: "unix"})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("socket in %s: %w", dir, err), l.release())
	}
	listener.SetUnlinkOnClose(false) // it would remove the temporary name
	l.Listener = listener
	err = os.Chmod(temporary, 0o600)
	if err == nil {
		err = os.Rename(temporary, l.path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("socket: %w", err), listener.Close(), os.Remove(temporary), l.release())
	}
	return l, nil
}

// Close stops listening and removes the socket. It may be called again.
func (l *socketListener) Close() error {
	err := l.Listener.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return errors.Join(err, os.Remove(l.path), l.release())
}

func (l *socketListener) release() error {
	if l.folder == nil {
		return nil
	}
	return l.folder.Close()
}

// dialSocket connects to the server that holds the folder.
func dialSocket(ctx context.Context, dir string) (net.Conn, error) {
	prefix, folder, err := shortPath(dir)
	if err != nil {
		return nil, err
	}
	if folder != nil {
		defer folder.Close()
	}
	return (&net.Dialer{}).DialContext(ctx, "unix", prefix+socketName)
}

// shortPath gives a prefix under which the system takes the names of sockets in dir: dir itself, or where that is too
// long the way through an open descriptor, which must stay open meanwhile.
func shortPath(dir string) (prefix string, folder *os.File, err error) {
	prefix = dir + string(filepath.Separator)
	if len(prefix)+len(socketName+".new") <= maxSocketPath {
		return prefix, nil, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fmt.Errorf("the path of the data folder has %d bytes, and this system takes no more than %d for the socket in it: choose a shorter one",
			len(dir), maxSocketPath-len(socketName+".new")-1)
	}
	folder, err = os.Open(dir)
	if err != nil {
		return "", nil, fmt.Errorf("socket: %w", err)
	}
	return "/proc/self/fd/" + strconv.Itoa(int(folder.Fd())) + "/", folder, nil
}
