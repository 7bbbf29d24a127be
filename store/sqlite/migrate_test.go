package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"muster"
	"muster/access"
	"muster/directory"
	"muster/provision"
)

// migrateTo makes a database whose schema is of the version, and fills it.
func migrateTo(t *testing.T, dir string, version int64, fill ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, steps, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	for _, text := range fill {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%v\n\t%s", err, text)
		}
	}
}

// TestMigrationOfAFilledDatabase: what version 1 of the schema held is there and works after the step forwards.
func TestMigrationOfAFilledDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	migrateTo(t, dir, 1,
		`INSERT INTO key_records VALUES ('wrap', 1, x'01', 'mk', 1000)`,
		`INSERT INTO tenants VALUES (1, 'one', 2, '{"userLimit":9}', 1000), (7, 'seven', 8, '{}', 1000)`,
		`INSERT INTO tenant_usage VALUES (1, 3, 0, 1, 2, 4, 5), (7, 1, 0, 1, 0, 0, 0)`,
		`INSERT INTO users (tenant, id, account, account_key, level, disabled, department, capacity_gb, roles, created_at, updated_at) VALUES
			(1, 10, 'Ann', 'ann', 2, 0, 2, 0, '[60,61,1152921504606846976]', 1000, 2000),
			(1, 11, 'Bo', 'bo', 1, 0, 2, 0, '[60,60]', 1000, 1000),
			(1, 12, 'Cy', 'cy', 1, 0, 2, 0, NULL, 1000, 1000),
			(7, 10, 'Ann', 'ann', 2, 0, 8, 0, '[60]', 1000, 1000)`,
		`INSERT INTO batches (tenant, id, sequence, contract, lane, app_id, actor, actor_level, trace_id, total, failed, accepted_at,
			payload_key, payload_key_version, kept_key, kept_key_version) VALUES
			(1, 20, 5, 1, 1, 'app', 10, 2, 'trace', 3, 1, 1000, x'0100000001aa', 1, x'0100000001bb', 1)`,
		`INSERT INTO chunks VALUES (1, 20, 1, 2, 1, 0, 5, 31, 41, x'cafecafe')`,
		`INSERT INTO outcomes VALUES (1, 20, 0, 30, 2, 3, 'phone', 'no', 0, '12')`,
		`INSERT INTO kept VALUES (1, 20, 0, 1, x'beef')`,
		`INSERT INTO replays VALUES (1, x'aa', 20, 9000000000000)`,
	)
	s := open(t, dir, Options{})
	defer closeStore(t, s)
	ctx := t.Context()

	ann, err := s.User(ctx, 1, 10)
	if err != nil || ann.Account != "Ann" || len(ann.Roles) != 3 || ann.UpdatedAt != timeOf(2000) {
		t.Errorf("user %+v, %v", ann, err)
	}
	if days, err := s.Days(ctx, 1, time.Now()); err != nil || len(days) != 1 || days[0].Users != 3 || days[0].Rows() != 0 {
		t.Errorf("days %+v, %v", days, err)
	}
	profile, err := s.FederationProfile(ctx, 1)
	if diff := cmp.Diff(muster.DefaultFederationProfile(), *profile); err != nil || diff != "" {
		t.Errorf("profile, %v (-want +got):\n%s", err, diff)
	}
	for _, c := range []struct{ tenant, role, users int64 }{{1, 60, 2}, {1, 61, 1}, {1, 1 << 60, 1}, {1, 62, 0}, {7, 60, 1}, {7, 61, 0}} {
		if n := s.countRole(t, c.tenant, c.role); n != c.users {
			t.Errorf("role %d of tenant %d has %d users, want %d", c.role, c.tenant, n, c.users)
		}
	}

	// The batch goes on where it was, and a repeat of its request finds it.
	a := &provision.Acceptance{
		Batch:  muster.Batch{Tenant: 1, ID: 21, Contract: muster.ContractKooDrive, Lane: muster.LaneCreate, Total: 1, AcceptedAt: fixtureTime},
		Replay: []byte{0xaa}, ReplayUntil: fixtureTime,
	}
	if got, err := s.Accept(ctx, a); err != nil || got != (provision.Accepted{Batch: 20, Replayed: true}) {
		t.Errorf("a repeat is %+v, %v", got, err)
	}
	f := &fixture{Store: s, tenant: 1}
	f.applyAll(t)
	failures, err := s.Failures(ctx, 1, 20, muster.ContractKooDrive, 0, 10)
	if err != nil || !failures.Batch.Finished() || len(failures.Kept) != 1 || failures.Outcomes[0].Subject != "12" {
		t.Errorf("failures %+v, %v", failures, err)
	}
}

// TestMigrationToDepartments: the tenants of version 3 of the schema get their roots, in which their users already are.
func TestMigrationToDepartments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hash := sha256.Sum256([]byte("token"))
	migrateTo(t, dir, 3,
		`INSERT INTO tenants (id, name, root_department, settings, created_at) VALUES (1, 'R&D/IT/Ö', 2, '{}', 1000), (7, 'seven', 2, '{}', 2000)`,
		`INSERT INTO tenant_usage VALUES (1, 3, 0, 1, 0, 0, 0), (7, 1, 0, 1, 0, 0, 0)`,
		`INSERT INTO users (tenant, id, account, account_key, level, disabled, department, capacity_gb, created_at, updated_at) VALUES
			(1, 10, 'Ann', 'ann', 2, 0, 2, 0, 1000, 2000), (1, 11, 'Bo', 'bo', 1, 0, 2, 0, 1000, 1000), (7, 10, 'Ann', 'ann', 2, 0, 2, 0, 1000, 1000)`,
		fmt.Sprintf(`INSERT INTO tokens VALUES (1, x'%x', 1, 'app', 500, 1000, 9000000000000)`, hash),
	)
	s := open(t, dir, Options{})
	defer closeStore(t, s)
	ctx := t.Context()
	for _, c := range []struct {
		tenant  muster.ID
		root    muster.Department
		members int64
	}{
		{1, muster.Department{ID: 2, Name: "R&D-IT-Ö", IDPath: "/2/", CreatedAt: timeOf(1000)}, 2},
		{7, muster.Department{ID: 2, Name: "seven", IDPath: "/2/", CreatedAt: timeOf(2000)}, 1},
	} {
		stored, err := s.Tenant(ctx, c.tenant)
		if err != nil || stored.Host != "" {
			t.Fatalf("tenant %+v, %v", stored, err)
		}
		root, err := s.Department(ctx, c.tenant, 2)
		if err != nil {
			t.Fatal(err)
		}
		// A root that is made today would be the same.
		if diff := cmp.Diff([]muster.Department{c.root, c.root}, []muster.Department{*root, muster.RootDepartment(stored)}); diff != "" {
			t.Errorf("root of tenant %s (-want +got):\n%s", c.tenant, diff)
		}
		page, err := s.Users(ctx, c.tenant, directory.UserQuery{Department: 2, Limit: 10})
		if err != nil || page.Total != c.members || int64(len(page.Users)) != c.members {
			t.Errorf("tenant %s: users of the root %+v, %v", c.tenant, page, err)
		}
	}
	ann, err := s.User(ctx, 1, 10)
	if err != nil || ann.Account != "Ann" || ann.MustChangePassword || ann.TokenEpoch != 0 || ann.UpdatedAt != timeOf(2000) {
		t.Errorf("user %+v, %v", ann, err)
	}
	token, err := s.Token(ctx, hash)
	want := &access.Token{
		Tenant: 1, Hash: hash, Kind: access.TokenApplication, AppID: "app", SecretAt: timeOf(500), Life: 8_999_999_999 * time.Second,
		IssuedAt: timeOf(1000), ExpiresAt: timeOf(9_000_000_000_000),
	}
	if diff := cmp.Diff(want, token); err != nil || diff != "" {
		t.Errorf("token, %v (-want +got):\n%s", err, diff)
	}
	if err := s.ChangeSignIns(ctx, 1, []muster.ID{10}, func(u *muster.SignIn) error { u.User.EndTokens(); return nil }); err != nil {
		t.Error(err)
	}
}

// TestMigrationToRehearsals: batches of version 4 of the schema go on where they were, with what is sealed of them in another table,
// and tell how their rows ended by reason.
func TestMigrationToRehearsals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	migrateTo(t, dir, 4,
		`INSERT INTO key_records VALUES ('wrap', 1, x'01', 'mk', 1000)`,
		`INSERT INTO tenants (id, name, root_department, settings, created_at) VALUES (1, 'one', 2, '{}', 1000)`,
		`INSERT INTO tenant_usage VALUES (1, 1, 0, 1, 5, 8, 3)`,
		`INSERT INTO users (tenant, id, account, account_key, level, disabled, department, capacity_gb, created_at, updated_at) VALUES
			(1, 10, 'Ann', 'ann', 2, 0, 2, 0, 1000, 2000)`,
		`INSERT INTO batches (tenant, id, sequence, contract, lane, app_id, actor, actor_level, trace_id, total, succeeded, failed, skipped,
			accepted_at, finished_at, payload_key, payload_key_version, kept_key, kept_key_version) VALUES
			(1, 20, 1, 1, 1, 'app', 10, 2, 'trace', 3, 1, 1, 1, 1000, 3000, NULL, NULL, x'0100000001bb', 1),
			(1, 21, 2, 1, 1, 'app', 10, 2, 'trace', 4, 1, 1, 0, 2000, NULL, x'0100000001cc', 1, x'0100000001dd', 1),
			(1, 22, 3, 1, 2, 'app', 10, 2, 'trace', 3, 0, 0, 0, 2500, NULL, x'0100000001ee', 1, x'0100000001ff', 1)`,
		`INSERT INTO chunks VALUES (1, 21, 2, 2, 1, 7, 2, 31, 41, x'cafe'), (1, 22, 0, 2, 2, 0, 3, 51, 61, x'f00d'), (1, 22, 2, 1, 2, 0, 3, 53, 63, x'd00f')`,
		`INSERT INTO outcomes VALUES (1, 20, 0, 1, 1, 0, NULL, NULL, 70, 'a'), (1, 20, 1, 2, 2, 3, 'phone', 'no', 0, 'b'), (1, 20, 2, 3, 3, 1, NULL, NULL, 71, 'c'),
			(1, 21, 0, 4, 1, 0, NULL, NULL, 72, 'd'), (1, 21, 1, 5, 2, 3, 'phone', 'no', 0, 'e')`,
		`INSERT INTO kept VALUES (1, 20, 0, 3, x'beef'), (1, 21, 0, 2, x'beef')`,
	)
	s := open(t, dir, Options{})
	defer closeStore(t, s)
	ctx := t.Context()
	kinds := []provision.ReasonCount{
		{Result: muster.Succeeded, Rows: 1}, {Result: muster.Failed, Reason: muster.ReasonInvalid, Rows: 1}, {Result: muster.Skipped, Reason: muster.ReasonExists, Rows: 1},
	}
	for id, want := range map[muster.ID]struct {
		started time.Time
		reasons []provision.ReasonCount
	}{20: {timeOf(1000), kinds}, 21: {timeOf(2000), kinds[:2]}, 22: {}} {
		b, err := s.Batch(ctx, 1, id)
		if err != nil || b.StartedAt != want.started || b.Mode != muster.ModeRun || b.Parent != 0 {
			t.Errorf("batch %+v, %v", b, err)
		}
		reasons, err := s.Reasons(ctx, 1, id)
		if diff := cmp.Diff(want.reasons, reasons); err != nil || diff != "" {
			t.Errorf("reasons of batch %s, %v (-want +got):\n%s", id, err, diff)
		}
	}
	page, err := s.Outcomes(ctx, 1, 20, provision.OutcomeQuery{Result: muster.Failed, Limit: 9})
	if err != nil || len(page.Outcomes) != 1 || page.Outcomes[0].Subject != "b" {
		t.Errorf("what failed is %+v, %v", page, err)
	}
	unfinished, err := s.Batches(ctx, 1, provision.BatchQuery{Unfinished: true, Limit: 9})
	if err != nil || len(unfinished) != 2 || unfinished[0].ID != 22 {
		t.Errorf("unfinished are %+v, %v", unfinished, err)
	}
	for lane, want := range map[muster.Lane][]string{muster.LaneCreate: {"\xca\xfe"}, muster.LaneOrdered: {"\xf0\x0d", "\xd0\x0f"}} {
		works, err := s.Next(ctx, muster.LaneRef{Tenant: 1, Lane: lane}, nil, 100)
		var payloads []string
		for _, w := range works {
			payloads = append(payloads, string(w.Chunk.Payload))
		}
		if diff := cmp.Diff(want, payloads); err != nil || diff != "" {
			t.Errorf("payloads of lane %s, %v (-want +got):\n%s", lane, err, diff)
		}
	}
	if ann, err := s.User(ctx, 1, 10); err != nil || ann.Source != "" {
		t.Errorf("user %+v, %v", ann, err)
	}
	f := &fixture{Store: s, tenant: 1}
	f.applyAll(t)
	if b, err := s.Batch(ctx, 1, 21); err != nil || !b.Finished() || b.StartedAt != timeOf(2000) {
		t.Errorf("batch %+v, %v", b, err)
	}
	if b, err := s.Cancel(ctx, 1, 22); err != nil || b.Mode != muster.ModeCancelled {
		t.Errorf("batch %+v, %v", b, err)
	}
	shot, err := s.Snapshot(ctx, 1, muster.Keys{})
	if err != nil || shot.Usage.QueuedRows != 3 || shot.Usage.QueuedBytes != 6 {
		t.Errorf("usage %+v, %v", shot.Usage, err)
	}
}

func (s *Store) countRole(t *testing.T, tenant, role int64) (n int64) {
	t.Helper()
	err := s.readers.read(t.Context(), func(q querier) error {
		return q.row(context.Background(), countRoleUsers, tenant, role).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
