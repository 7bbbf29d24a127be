package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// StartStandby starts a copy of a running server that follows it: from then on whoever commits on the primary is answered
// when it has reached both (synchronous_standby_names). Close ends it; what is there is not to be seen by the primary's
// [Server.Database].
func StartStandby(primary *Server, o Options) (_ *Server, err error) {
	s := &Server{options: o, binaries: primary.binaries, owner: primary.owner, password: primary.password}
	if s.dir, err = makeFolder(s.owner); err != nil {
		return nil, fmt.Errorf("pgtest: make a folder for the standby: %w", err)
	}
	for range portTries {
		if s.port, err = freePort(); err != nil {
			break
		}
		if err = s.Follow(primary); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

// Follow makes a server that does not run, and was the primary before, the standby of the one that took over. What it has is
// replaced.
func (s *Server) Follow(primary *Server) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reap(); s.process != nil {
		return errors.New("pgtest: a server that runs cannot become a standby")
	}
	if err := os.RemoveAll(s.data()); err != nil {
		return fmt.Errorf("pgtest: make a standby: %w", err)
	}
	if err := s.copyOf(primary); err != nil {
		return fmt.Errorf("pgtest: make a standby: %w", err)
	}
	if err := s.start(); err != nil {
		return fmt.Errorf("pgtest: start a standby: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if err := primary.waitForStandby(ctx); err != nil {
		return fmt.Errorf("pgtest: wait for a standby: %w", err)
	}
	return nil
}

// copyOf copies the primary's data, with what it takes to follow it.
func (s *Server) copyOf(primary *Server) error {
	c := s.command("pg_basebackup", "--pgdata="+s.data(), "--dbname="+primary.URL(""), "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
	if _, err := os.Stat(c.Path); errors.Is(err, os.ErrNotExist) { // the folder in PATH has links to some of the binaries
		initdb, err := filepath.EvalSymlinks(filepath.Join(s.binaries, "initdb"))
		if err != nil {
			return err
		}
		c.Path = filepath.Join(filepath.Dir(initdb), "pg_basebackup")
	}
	return output(c)
}

func output(c *exec.Cmd) error {
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(c.Path), err, out)
	}
	return nil
}

// waitForStandby has commits wait for standbys, and returns when there is one.
func (s *Server) waitForStandby(ctx context.Context) (err error) {
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	// This one is the first to wait; without the standby it would for ever.
	if _, err := c.Exec(ctx, "SET synchronous_commit = local"); err != nil {
		return err
	}
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return err
		}
	}
	look := time.NewTicker(10 * time.Millisecond) // no event tells of it
	defer look.Stop()
	for {
		var n int
		if err := c.QueryRow(ctx, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").Scan(&n); err != nil || n > 0 {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Promote makes a standby a server that can be written, whose commits wait for no other.
func (s *Server) Promote() error {
	return errors.Join(s.Exec(context.Background(), "SELECT pg_promote(true)"), s.Leave()) // the primary's setting may have been copied
}

// Leave has commits wait for standbys no more.
func (s *Server) Leave() error {
	ctx := context.Background()
	return errors.Join(s.Exec(ctx, "ALTER SYSTEM RESET synchronous_standby_names"), s.Exec(ctx, "SELECT pg_reload_conf()"))
}
