package main

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

func TestTheDemonstrationFindsAnotherPort(t *testing.T) {
	t.Parallel()
	// Whether it is the test or somebody else who has the port: it is taken.
	taken, err := net.Listen("tcp", demoAddress)
	if err == nil {
		defer taken.Close()
	} else if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatal(err)
	}
	s, err := (&demoCmd{}).start(t.Context(), quiet(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if s.address == demoAddress {
		t.Errorf("it listens on %s, which was taken", s.address)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if _, err := (&demoCmd{Listen: s.address + "x"}).start(t.Context(), quiet(), t.TempDir()); err == nil {
		t.Error("an address that was chosen is not another's to change")
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"bin/muster": "bin/muster", "/tmp/a b": "'/tmp/a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'",
	} {
		if got := quoted(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
