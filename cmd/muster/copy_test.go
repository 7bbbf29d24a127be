package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/store/postgres"
	"muster/store/transfer"
)

func TestWhatEndsACopyIsTold(t *testing.T) {
	t.Parallel()
	d := &database{name: "host:5432/name"}
	for _, c := range []struct {
		err  error
		code int
		want string
	}{
		{&transfer.Difference{Table: "users", Key: "id 7", What: "has another phone"}, exitFailed, "another phone: another process has written"},
		{context.Canceled, exitFailed, "the same command goes on with it"},
		{&muster.Error{Kind: muster.KindConflict, Detail: "It is not empty."}, exitRefused, "It is not empty."},
		{&muster.Error{Kind: muster.KindUnavailable, Err: errors.New("disk full")}, exitUnavailable, "goes on with the copy when it can: disk full"},
		{postgres.ErrUnreachable, exitUnavailable, ""},
		{errors.New("broken"), exitFailed, "broken"},
	} {
		err := d.copyFault(fmt.Errorf("copying users: %w", c.err))
		if code := exitCode(err); code != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v ends with %d and says %v", c.err, code, err)
		}
	}
}

// TestNoServerStartsOnAnUnfinishedCopy, nor does anything else that would work with what is there.
func TestNoServerStartsOnAnUnfinishedCopy(t *testing.T) {
	t.Parallel()
	url, err := emptyDatabase(t.Cleanup)
	if err != nil {
		t.Fatal(err)
	}
	target, err := postgres.OpenTarget(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.Begin(t.Context(), "installation", "state"); err != nil {
		t.Fatal(err)
	}
	if err := target.Close(); err != nil {
		t.Error(err)
	}
	key := filepath.Join(t.TempDir(), "master.key")
	if code := Main(t.Context(), []string{"key", "generate", key}, quiet().stdio); code != exitOK {
		t.Fatalf("making a key ended with %d", code)
	}
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"init"}, {"tenant", "list"}} {
		var said strings.Builder
		std := quiet().stdio
		std.Err = &said
		code := Main(t.Context(), append(args, "--database", url, "--master-key", key), std)
		if code != exitRefused || !strings.Contains(said.String(), "an installation is still to be copied into this database: let muster copy come to its end") {
			t.Errorf("%s ended with %d and said %s", args[0], code, said.String())
		}
	}
}
