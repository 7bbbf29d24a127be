package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"muster/store/postgres"
	"muster/store/postgres/pgtest"
	"muster/store/sqlite"
	"muster/store/transfer"
)

// server is the PostgreSQL of this package's tests.
var server *pgtest.Server

// childMode, in the environment, makes the test's own program a process that copies the folder and into the database that its
// arguments name, and says so on standard output whenever it is a page further.
const childMode = "MUSTER_TRANSFER_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMode) == "" {
		goleak.VerifyTestMain(pgtest.Main{Tests: m, Server: &server})
		return
	}
	say := func(p transfer.Progress) { fmt.Println(p.Step, p.Table, p.Rows, p.Total) }
	_, err := copyAll(context.Background(), os.Args[1], os.Args[2], postgres.Options{}, say)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const sourceName = "installation of the tests"

// copyAll copies an installation from a folder into a database.
func copyAll(ctx context.Context, dir, url string, options postgres.Options, report func(transfer.Progress)) (counts []transfer.Count, err error) {
	source, err := sqlite.OpenSource(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := postgres.OpenTarget(ctx, url, options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	return transfer.Copy(ctx, sourceName, source, target, report)
}
