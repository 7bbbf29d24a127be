package pgtest

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// closed ends the server with the test.
func closed(t *testing.T, s *Server) *Server {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestAStandbyHasWhatWasCommitted on the primary, and can take its place, again and again.
func TestAStandbyHasWhatWasCommitted(t *testing.T) {
	t.Parallel()
	primary, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	closed(t, primary)
	if err := primary.Exec(t.Context(), "CREATE TABLE kept (n int)"); err != nil {
		t.Fatal(err)
	}
	standby, err := StartStandby(primary, Options{})
	if err != nil {
		t.Fatal(err)
	}
	closed(t, standby)
	for _, want := range []string{"1", "2"} {
		if err := primary.Exec(t.Context(), "INSERT INTO kept VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		var refused *pgconn.PgError
		if err := standby.Exec(t.Context(), "INSERT INTO kept VALUES (1)"); !errors.As(err, &refused) || refused.Code != "25006" {
			t.Errorf("a standby takes writes: %v", err)
		}
		if err := errors.Join(primary.Kill(), standby.Promote()); err != nil {
			t.Fatal(err)
		}
		primary, standby = standby, primary
		c := connect(t, primary.URL("postgres"))
		if n := ask(t, c, "SELECT count(*)::text FROM kept"); n != want {
			t.Errorf("the new primary has %s rows, want %s", n, want)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := primary.Exec(t.Context(), "CREATE TABLE alone_"+want+" ()"); err != nil {
			t.Errorf("without a standby: %v", err)
		}
		if err := standby.Follow(primary); err != nil {
			t.Fatal(err)
		}
	}
	if err := standby.Follow(primary); err == nil {
		t.Error("a server that runs became a standby")
	}
}

// TestAFullDisk keeps the server from storing anything, until there is room again.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	s, err := Start(Options{Disk: 160 << 20, Settings: []string{"max_wal_size=64MB"}})
	if err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	if err := s.Exec(t.Context(), "CREATE TABLE kept AS SELECT 1 AS n"); err != nil {
		t.Fatal(err)
	}
	if err := s.FillDisk(); err != nil {
		t.Fatal(err)
	}
	const much = "INSERT INTO kept SELECT generate_series(1, 1000000)"
	if err := s.Exec(t.Context(), much); err == nil {
		t.Error("there was room")
	} else {
		t.Log(err)
	}
	if err := s.FreeDisk(); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(); err != nil { // it may have ended: without room for its log it does
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), much); err != nil {
		t.Error(err)
	}
	c := connect(t, s.URL("postgres"))
	if n := ask(t, c, "SELECT count(*)::text FROM kept"); n != "1000001" {
		t.Errorf("%s rows are there", n)
	}
}
