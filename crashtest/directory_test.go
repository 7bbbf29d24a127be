package crashtest

import (
	"database/sql"
	"fmt"
	"net/url"
	"strconv"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"muster"
)

// directory is what the database of a stopped server holds about a tenant.
type directory struct {
	users   map[string]storedUser // by phone key
	batches []storedBatch         // in order of acceptance
	ids     map[int64]string      // of users, batches and rows, and what each names
}

type storedUser struct {
	id     int64
	hashed bool
}

type storedBatch struct {
	id                       int64
	finished                 bool
	trace                    string
	total                    int
	succeeded, failed, skips int
	payloadKey               bool
	outcomes                 []storedOutcome
}

type storedOutcome struct {
	row      int
	id, user int64
	result   muster.Result
}

// database is either store's, whose tables have the same names and columns where tests look, but for what is named here.
type database struct {
	*sql.DB
	outcomeUser string // the column of an outcome that names its user
	integrity   string // a query that answers "ok"
}

// openDatabase opens the database of a stopped server.
func (in *installation) openDatabase(t *testing.T) *database {
	t.Helper()
	file := url.URL{Scheme: "file", Path: in.database(), RawQuery: "mode=rw"}
	return &database{DB: openSQL(t, "sqlite", file.String()), outcomeUser: "user", integrity: "PRAGMA integrity_check"}
}

func openSQL(t *testing.T, driver, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return db
}

// each calls scan for every row of a query.
func each(t *testing.T, db *database, query string, args []any, scan func(*sql.Rows) error) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// number is the only value of a query.
func number(t *testing.T, db *database, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// readDirectory reads a tenant whole, and fails the test where the database contradicts itself.
func readDirectory(t *testing.T, db *database, tenant int64) *directory {
	t.Helper()
	d := &directory{users: map[string]storedUser{}, ids: map[int64]string{}}
	const users = "SELECT id, coalesce(phone_key, ''), coalesce(password_hash, '') <> '' FROM users WHERE tenant = $1"
	each(t, db, users, []any{tenant}, func(rows *sql.Rows) error {
		var u storedUser
		var phone string
		if err := rows.Scan(&u.id, &phone, &u.hashed); err != nil {
			return err
		}
		d.name(t, u.id, "a user")
		if phone == "" { // the administrator
			return nil
		}
		if _, twice := d.users[phone]; twice {
			t.Errorf("there are two users with one phone")
		}
		d.users[phone] = u
		return nil
	})
	each(t, db, `SELECT id, finished_at IS NOT NULL, trace_id, total, succeeded, failed, skipped, payload_key IS NOT NULL
		FROM batches WHERE tenant = $1 ORDER BY sequence`, []any{tenant}, func(rows *sql.Rows) error {
		var b storedBatch
		err := rows.Scan(&b.id, &b.finished, &b.trace, &b.total, &b.succeeded, &b.failed, &b.skips, &b.payloadKey)
		d.name(t, b.id, "a batch")
		d.batches = append(d.batches, b)
		return err
	})
	for i := range d.batches {
		d.readOutcomes(t, db, tenant, &d.batches[i])
	}
	return d
}

func (d *directory) readOutcomes(t *testing.T, db *database, tenant int64, b *storedBatch) {
	t.Helper()
	query := "SELECT row, id, result, " + db.outcomeUser + " FROM outcomes WHERE tenant = $1 AND batch = $2 ORDER BY row"
	each(t, db, query, []any{tenant, b.id}, func(rows *sql.Rows) error {
		var o storedOutcome
		err := rows.Scan(&o.row, &o.id, &o.result, &o.user)
		d.name(t, o.id, "a row")
		b.outcomes = append(b.outcomes, o)
		return err
	})
}

// name notes what an id names. No id names two things.
func (d *directory) name(t *testing.T, id int64, what string) {
	t.Helper()
	if before := d.ids[id]; before != "" {
		t.Errorf("id %d names %s and %s", id, before, what)
	}
	d.ids[id] = what
}

// verify holds the database of the stopped server against what was handed in and what clients were told.
func (l *load) verify(t *testing.T, db *database) {
	t.Helper()
	tenant, err := strconv.ParseInt(l.caller.account.TenantID, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	checkDatabase(t, db, tenant)
	d := readDirectory(t, db, tenant)
	for key := range l.keys() {
		if _, there := d.users[key]; !there {
			t.Errorf("the user of a valid row is missing")
		}
	}
	if got, want := len(d.users), len(l.keys()); got != want {
		t.Errorf("%d users have a phone, want %d", got, want)
	}
	if seats := number(t, db, "SELECT users FROM tenant_usage WHERE tenant = $1", tenant); seats != int64(len(d.users))+1 {
		t.Errorf("%d seats are taken by %d users and an administrator", seats, len(d.users))
	}
	l.verifyBatches(t, d)
}

// checkDatabase looks for what must not be left over of the tenants.
func checkDatabase(t *testing.T, db *database, tenants ...int64) {
	t.Helper()
	each(t, db, db.integrity, nil, func(rows *sql.Rows) error {
		var verdict string
		err := rows.Scan(&verdict)
		if verdict != "ok" {
			t.Errorf("the database's integrity: %s", verdict)
		}
		return err
	})
	for what, query := range map[string]string{
		"chunks that wait":                     "SELECT count(*) FROM chunks WHERE tenant = $1",
		"queued rows and bytes":                "SELECT queued_rows + queued_bytes FROM tenant_usage WHERE tenant = $1",
		"repeats of a batch that is not there": "SELECT count(*) FROM replays r WHERE tenant = $1 AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.tenant = r.tenant AND b.id = r.batch)",
		"outcomes of no batch":                 "SELECT count(*) FROM outcomes o WHERE tenant = $1 AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.tenant = o.tenant AND b.id = o.batch)",
	} {
		for _, tenant := range tenants {
			if n := number(t, db, query, tenant); n != 0 {
				t.Errorf("%s: %d are left", what, n)
			}
		}
	}
}

// verifyBatches holds every batch, also those whose answer was lost, against the list that it was made of.
func (l *load) verifyBatches(t *testing.T, d *directory) {
	t.Helper()
	submissions := map[string]int{}
	for i := range l.lists {
		submissions[trace(i)] = i
	}
	stored := map[string]*storedBatch{}
	latest := map[int]*storedBatch{} // by submission
	made := map[string]int{}         // by phone key, how many rows made the user
	for i := range d.batches {
		b := &d.batches[i]
		stored[strconv.FormatInt(b.id, 10)] = b
		number, known := submissions[b.trace]
		if !known {
			t.Errorf("batch %d was never submitted", b.id)
			continue
		}
		if err := b.check(l.lists[number], d, made); err != nil {
			t.Errorf("batch %d of submission %d: %v", b.id, number, err)
		}
		if before := latest[number]; before != nil && b.succeeded != 0 {
			t.Errorf("batch %d repeats batch %d and made %d users", b.id, before.id, b.succeeded)
		}
		latest[number] = b
	}
	for key := range l.keys() {
		if made[key] != 1 {
			t.Errorf("%d rows made one user, want 1", made[key])
		}
	}
	for _, task := range l.tasks {
		if err := task.check(stored[task.id]); err != nil {
			t.Errorf("%s: %v", task, err)
		}
	}
	if unknown := len(d.batches) - len(l.tasks); unknown > l.tally.lost {
		t.Errorf("%d batches were acknowledged to nobody, but only %d answers were lost", unknown, l.tally.lost)
	}
	hashed := 0
	for _, u := range d.users {
		if u.hashed {
			hashed++
		}
	}
	t.Logf("%d batches, of which %d were acknowledged; %d users, of whom %d have a password", len(d.batches), len(l.tasks), len(d.users), hashed)
}

// check holds a batch against its list, and counts the rows that made users.
func (b *storedBatch) check(list []row, d *directory, made map[string]int) error {
	switch {
	case !b.finished:
		return fmt.Errorf("it is not finished")
	case b.payloadKey:
		return fmt.Errorf("it is finished and has its payload key still")
	case b.total != len(list) || len(b.outcomes) != len(list) || b.succeeded+b.failed+b.skips != len(list):
		return fmt.Errorf("%d rows were sent, total %d, %d outcomes: %d succeeded, %d failed, %d skipped",
			len(list), b.total, len(b.outcomes), b.succeeded, b.failed, b.skips)
	}
	tally := map[muster.Result]int{}
	for i, o := range b.outcomes {
		if o.row != i {
			return fmt.Errorf("outcome %d is of row %d", i, o.row)
		}
		tally[o.result]++
		sent := &list[i]
		if sent.key == "" {
			if o.result != muster.Failed || o.user != 0 {
				return fmt.Errorf("row %d is invalid, and it %s with user %d", i, o.result, o.user)
			}
			continue
		}
		user := d.users[sent.key]
		switch {
		case o.result == muster.Failed || o.user != user.id:
			return fmt.Errorf("row %d %s with user %d, want user %d", i, o.result, o.user, user.id)
		case o.result == muster.Succeeded && user.hashed != (sent.password != ""):
			return fmt.Errorf("row %d made a user: has a password %t, want %t", i, user.hashed, !user.hashed)
		case o.result == muster.Succeeded:
			made[sent.key]++
		}
	}
	if tally[muster.Succeeded] != b.succeeded || tally[muster.Failed] != b.failed || tally[muster.Skipped] != b.skips {
		return fmt.Errorf("the outcomes are %v, and %d succeeded, %d failed, %d skipped", tally, b.succeeded, b.failed, b.skips)
	}
	return nil
}

// check holds what the task's client was told against what is stored.
func (t *task) check(b *storedBatch) error {
	if b == nil {
		return fmt.Errorf("it was acknowledged and is not there")
	}
	if len(t.outcomes) != len(b.outcomes) || t.counts.Success != b.succeeded || t.counts.Fail != b.failed || t.counts.Skip != b.skips {
		return fmt.Errorf("its client saw %d rows and %+v", len(t.outcomes), t.counts)
	}
	for i, o := range b.outcomes {
		saw, user := t.outcomes[i], ""
		if o.user != 0 {
			user = strconv.FormatInt(o.user, 10)
		}
		result := muster.Succeeded
		switch saw.code {
		case codeInvalid:
			result = muster.Failed
		case codeExists:
			result = muster.Skipped
		}
		if saw.id != strconv.FormatInt(o.id, 10) || saw.user != user || result != o.result {
			return fmt.Errorf("row %d: its client saw id %s, user %q, code %q; stored are id %d, user %q, %s",
				i, saw.id, saw.user, saw.code, o.id, user, o.result)
		}
	}
	return nil
}
