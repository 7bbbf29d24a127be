package password

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// A child process hashes for a pool, one password at a time. While all processors hash, the kernel sees to it that requests are
// answered beside that; Go's scheduler, in one process, would look at the network every 10 ms.
//
// On its standard input come passwords, and on its standard output go hashes, each behind its length: two bytes, the higher one
// first. It ends when its input does, and so with its parent, however that ends.

// Serve is what a child process does; see [Pool.Delegate]. It returns when its input ends.
func Serve(hasher Hasher, passwords io.Reader, hashes io.Writer) error {
	in := bufio.NewReader(passwords)
	for {
		password, err := readFrame(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		encoded, err := hasher.Hash(password)
		clear(password)
		if err == nil {
			err = writeFrame(hashes, []byte(encoded))
		}
		if err != nil {
			return err
		}
	}
}

// readFrame gives io.EOF where there is no other frame.
func readFrame(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	content := make([]byte, binary.BigEndian.Uint16(length[:]))
	if n, err := io.ReadFull(r, content); err != nil {
		return nil, fmt.Errorf("a frame of %d bytes ends after %d", len(content), n)
	}
	return content, nil
}

const maxFrame = 1<<16 - 1 // bytes, far above the longest password that a Policy can allow

func writeFrame(w io.Writer, content []byte) error {
	if len(content) > maxFrame {
		return fmt.Errorf("a frame of %d bytes, of which %d are the most", len(content), maxFrame)
	}
	frame := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(content)), uint16(len(content)))
	frame = append(frame, content...)
	defer clear(frame)
	_, err := w.Write(frame)
	return err
}

// children are the processes of a pool. One that fails is replaced when it is needed next.
type children struct {
	command func() *exec.Cmd
	idle    chan *child // as many as there are workers; nil stands for one that is not started
	// patience is how long a child may take for a hash.
	patience time.Duration

	mu     sync.Mutex
	broken bool // the last hash failed
	failed func(error)
}

type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	expect func(time.Time) error // bounds the wait for an answer
}

// patience is that for a hash, which takes some 20 ms: a child that somebody stopped is given up.
const patience = 30 * time.Second

func newChildren(n int, command func() *exec.Cmd, failed func(error)) *children {
	c := &children{command: command, idle: make(chan *child, n), patience: patience, failed: failed}
	for range n {
		c.idle <- nil
	}
	return c
}

// hash has a child hash the password, and reports whether one did.
func (c *children) hash(password []byte) (encoded string, ok bool) {
	one := <-c.idle
	encoded, err := c.ask(&one, password)
	if err != nil && one != nil {
		one.end()
		one = nil
	}
	c.idle <- one
	c.note(err)
	return encoded, err == nil
}

// ask has a child hash the password, which is started if it is nil.
func (c *children) ask(one **child, password []byte) (encoded string, err error) {
	if *one == nil {
		if *one, err = start(c.command()); err != nil {
			return "", err
		}
	}
	if err := (*one).expect(time.Now().Add(c.patience)); err != nil {
		return "", err
	}
	if err := writeFrame((*one).in, password); err != nil {
		return "", err
	}
	answer, err := readFrame((*one).out)
	return string(answer), err
}

// note tells of a failure, and of those that follow on it not.
func (c *children) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && !c.broken {
		c.failed(err)
	}
	c.broken = err != nil
}

// close ends the children; nobody uses them any more.
func (c *children) close() {
	for range cap(c.idle) {
		if one := <-c.idle; one != nil {
			one.end()
		}
	}
}

func start(cmd *exec.Cmd) (*child, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, in: in, out: bufio.NewReader(out), expect: func(time.Time) error { return nil }}
	if pipe, ok := out.(*os.File); ok {
		c.expect = pipe.SetReadDeadline
	}
	return c, nil
}

// end ends the process, which holds nothing that is of use.
func (c *child) end() {
	_ = c.in.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}
