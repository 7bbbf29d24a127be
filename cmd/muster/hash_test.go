package main

import (
	"encoding/binary"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"muster/password"
)

// TestHashForParent: the process hashes until its input ends, whatever signals come, and is told nothing of the environment.
func TestHashForParent(t *testing.T) {
	t.Parallel()
	c := hashing()
	for _, variable := range c.Env {
		if strings.Contains(variable, "MUSTER") || len(c.Env) != 2 {
			t.Errorf("the environment is %q", c.Env)
		}
	}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	const secret = "Q!@1assword"
	for _, signal := range []os.Signal{nil, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if signal != nil {
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.WriteString(in, "\x00"+string(rune(len(secret)))+secret); err != nil {
			t.Fatal(err)
		}
		var length [2]byte
		if _, err := io.ReadFull(out, length[:]); err != nil {
			t.Fatalf("after %v: %v", signal, err)
		}
		encoded := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(out, encoded); err != nil {
			t.Fatal(err)
		}
		if ok, upgrade, err := (password.Hasher{}).Verify(string(encoded), []byte(secret)); !ok || upgrade || err != nil {
			t.Errorf("after %v: the hash %s, %v", signal, encoded, err)
		}
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
		t.Errorf("behind the hashes there is %q, %v", rest, err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("the process ended: %v", err)
	}
}

// TestServersDelegate the hashing of batches' passwords.
func TestServersDelegate(t *testing.T) {
	t.Parallel()
	s := startedServer(t, func(*serverOptions) {})
	if _, err := s.pool.Hash(t.Context(), password.Bulk, []byte("Q!@1assword")); err != nil || s.pool.Stats().Delegated != 1 {
		t.Errorf("the pool counts %+v, %v", s.pool.Stats(), err)
	}
}

// TestNobodySeesTheHashCommand: it is not of the command line that people use.
func TestNobodySeesTheHashCommand(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	if code := Main(t.Context(), []string{hashCommand}, stdio{In: strings.NewReader(""), Out: &said, Err: &said}); code != exitUsage {
		t.Errorf("the command line takes it: %d, %s", code, said.String())
	}
}
