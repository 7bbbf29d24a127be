package postgres

import (
	"testing"

	"go.uber.org/goleak"

	"muster/store/postgres/pgtest"
)

// server is the PostgreSQL of this package's tests.
var server *pgtest.Server

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(pgtest.Main{Tests: m, Server: &server})
}
