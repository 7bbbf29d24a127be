package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"muster"
	"muster/store/transfer"
)

// unmoved lists the tables and columns that are no part of an installation, but of the database that it is in.
var unmoved = map[string]string{
	"goose_db_version": "migrations",
	"installation":     "of which schema, and whether it is a copy",
	"node_numbers":     "the first node has them begin above what tenants have used",
	"nodes":            "processes",
	"turns":            "the first node gives lanes with work their turns",
}

var storedTypes = map[transfer.Kind][]string{
	transfer.Number: {"bigint", "integer", "smallint"}, transfer.Flag: {"boolean"}, transfer.Time: {"timestamp with time zone"},
	transfer.Text: {"text"}, transfer.JSON: {"json"}, transfer.IDs: {"bigint[]"}, transfer.Bytes: {"bytea"},
}

// TestAnInstallationIsAllThatTheSchemaHas compares what moves with the catalogue, so that what a migration adds is not left behind.
func TestAnInstallationIsAllThatTheSchemaHas(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	const columns = ` FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'river%'`
	stored := make(map[string]string)
	for _, line := range f.query(t, `SELECT c.relname || ' ' || a.attname || ' ' || a.attnotnull || ' ' || coalesce((SELECT array_position(k.conkey, a.attnum)
		FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'p'), 0) || ' ' || format_type(a.atttypid, NULL)`+columns) {
		part := strings.SplitN(line, " ", 3)
		stored[part[0]+"."+part[1]] = part[2]
	}
	moves := make(map[string]bool)
	for _, table := range transfer.Tables() {
		for i, c := range table.Columns {
			moves[table.Name+"."+c.Name] = true
			moves[table.Name] = true
			place := 0
			if i < table.Key {
				place = i + 1
			}
			like := func(kind string) bool {
				return stored[table.Name+"."+c.Name] == fmt.Sprintf("%t %d %s", !c.Optional && c.Kind != transfer.IDs, place, kind)
			}
			if !slices.ContainsFunc(storedTypes[c.Kind], like) {
				t.Errorf("%s.%s of %+v, of the key's place %d, is %q", table.Name, c.Name, c, place, stored[table.Name+"."+c.Name])
			}
		}
	}
	for name := range stored {
		table, _, _ := strings.Cut(name, ".")
		if !moves[name] && unmoved[table] == "" {
			t.Errorf("%s does not move", name)
		}
		if moves[table] && unmoved[table] != "" {
			t.Errorf("table %s moves, and is said not to", table)
		}
	}
	if len(stored) < 100 {
		t.Errorf("the test saw %d columns", len(stored))
	}
}

// TestPagesAreFoundByTheirKeys: a page costs the same wherever it stands.
func TestPagesAreFoundByTheirKeys(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{Connections: 1})
	c, err := f.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	for _, table := range transfer.Tables() {
		for _, text := range []string{pageText(&table, false), pageText(&table, true), lastText(&table)} {
			for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
				steps := plan(t, c.Conn(), text, mode)
				last := steps[len(steps)-1]
				if len(steps) != 2 || !strings.HasSuffix(last.Index, "_pkey") || !strings.HasPrefix(last.Type, "Index") ||
					strings.Contains(text, "WHERE") && strings.Count(last.Condition, ",") < 2*(table.Key-1) {
					t.Errorf("%s\n\t%s", text, last)
				}
			}
		}
	}
}

// target opens a database to be copied into.
func target(t *testing.T, url string) *Target {
	t.Helper()
	d, err := OpenTarget(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestWhatIsCopiedInto tells which databases are.
func TestWhatIsCopiedInto(t *testing.T) {
	t.Parallel()
	const complete = "The database holds a complete copy of this installation already."
	for name, c := range map[string]struct {
		fill   string
		begun  bool
		users  string // left of it
		refuse string
	}{
		"an empty one":                             {"SELECT 'nothing'", false, "0", ""},
		"a copy begun before":                      {fillPart("me", "state"), true, "1", ""},
		"a copy of another state":                  {fillPart("me", "before"), false, "0", ""},
		"a copy of another one":                    {fillPart("other", "state"), false, "1", "The database holds an unfinished copy of another installation: choose an empty one."},
		"a complete copy":                          {fillPart("me", ""), false, "1", complete},
		"a complete copy of another one":           {fillPart("other", ""), false, "1", "The database holds an installation already: choose an empty one."},
		"an installation":                          {fillPart("", ""), false, "1", "The database holds an installation already: choose an empty one."},
		"keys of a node that was started too soon": {"INSERT INTO key_records VALUES ('wrap', 1, '', 'mk', now())", false, "0", "The database holds an installation already: choose an empty one."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			f := fixture{Store: open(t, url, Options{}), url: url}
			for text := range strings.SplitSeq(c.fill, ";") {
				f.query(t, text)
			}
			d := target(t, url)
			begun, err := d.Begin(t.Context(), "me", "state")
			var refusal *muster.Error
			if errors.As(err, &refusal) != (c.refuse != "") || begun != c.begun {
				t.Fatalf("Begin = %t, %v", begun, err)
			}
			if n := f.query(t, "SELECT count(*)::text FROM users"); n[0] != c.users {
				t.Errorf("%s users are left, want %s", n, c.users)
			}
			if c.refuse != "" {
				if refusal.Kind != muster.KindConflict || refusal.Detail != c.refuse {
					t.Errorf("refused with %v", err)
				}
				return
			}
			if got := f.query(t, "SELECT copy_source || ' ' || copy_state FROM installation"); got[0] != "me state" {
				t.Errorf("the database is a copy of %s", got)
			}
			if err := d.Finish(t.Context()); err != nil {
				t.Error(err)
			}
			if got := f.query(t, "SELECT copy_source || ' ' || copy_state FROM installation"); got[0] != "me " {
				t.Errorf("the database is a copy of %s", got)
			}
		})
	}
}

// fillPart is SQL that makes a database a copy of some state, with a tenant and a user in it.
func fillPart(source, state string) string {
	return `UPDATE installation SET copy_source = '` + source + `', copy_state = '` + state + `';
		INSERT INTO tenants VALUES (1, 'one', '', 2, '{}', now(), 1);
		INSERT INTO users VALUES (1, 2, '', '', '', '', '', '', '', '', '', '', false, 0, 1, false, 2, 0, NULL, now(), now())`
}

func tableNamed(name string) transfer.Table {
	for _, table := range transfer.Tables() {
		if table.Name == name {
			return table
		}
	}
	panic("there is no table " + name)
}

// TestRowsAreReadAsTheyWereWritten has values of every kind, nothing among them.
func TestRowsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	d := target(t, database(t))
	if _, err := d.Begin(t.Context(), "me", "state"); err != nil {
		t.Fatal(err)
	}
	moment := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	values := map[transfer.Kind][]any{ // in the order of a key
		transfer.Number: {int64(0), int64(1), int64(2), int64(300)},
		transfer.Text:   {"", "a", "é", "\x00 \xff \uffff00 '"},
		transfer.Bytes:  {[]byte(nil), []byte{0, 1}, []byte("b"), bytes.Repeat([]byte("c"), 1<<10)},
		transfer.Flag:   {false, true, false, true},
		transfer.JSON:   {`{"b":1, "a":2, "b":3}`, `{}`, `"\u0000"`, `[1]`},
		transfer.Time:   {time.Time{}, moment, moment.Add(time.Hour), time.UnixMilli(-1).UTC()},
		transfer.IDs:    {[]int64(nil), []int64{3, 1 << 62}, []int64{1}, []int64{2}},
	}
	for _, table := range transfer.Tables() {
		if last, err := d.Last(t.Context(), &table); err != nil || last != nil {
			t.Fatalf("the end of an empty table is %v, %v", last, err)
		}
		rows := make([]transfer.Row, 4)
		for i := range rows {
			for _, c := range table.Columns {
				rows[i] = append(rows[i], values[c.Kind][i])
			}
		}
		if err := d.Write(t.Context(), &table, rows); err != nil {
			t.Fatalf("%s: %v", table.Name, err)
		}
		first, err := d.Page(t.Context(), &table, nil, 3)
		if err != nil || len(first) != 3 {
			t.Fatalf("a page of %d rows, %v", len(first), err)
		}
		rest, err := d.Page(t.Context(), &table, first[2], 3)
		asText := cmp.Transformer("text", func(b []byte) string { return string(b) })
		if diff := cmp.Diff(rows, append(first, rest...), asText); err != nil || diff != "" {
			t.Errorf("%s, %v (-want +got)\n%s", table.Name, err, diff)
		}
		last, err := d.Last(t.Context(), &table)
		if diff := cmp.Diff(rows[3][:table.Key], last); err != nil || diff != "" {
			t.Errorf("the end of %s, %v (-want +got)\n%s", table.Name, err, diff)
		}
	}
}

// TestACopyWaitsForWhatTheOneBeforeWrites: what a process that was killed had sent is still done.
func TestACopyWaitsForWhatTheOneBeforeWrites(t *testing.T) {
	t.Parallel()
	url := database(t)
	before, next := target(t, url), target(t, url)
	if _, err := before.Begin(t.Context(), "me", "state"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan bool)
	waiting := func(tx *tx) (n int, err error) {
		tx.queue.Queue(`SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))`).
			QueryRow(func(row pgx.Row) error { return row.Scan(&n) })
		return n, tx.flush()
	}
	err := before.store.writeOutside(t.Context(), func(tx *tx) error {
		if err := before.still(tx); err != nil {
			return err
		}
		go func() {
			begun, err := next.Begin(t.Context(), "me", "state")
			if err != nil {
				t.Error(err)
			}
			ended <- begun
		}()
		for {
			select {
			case <-ended:
				return errors.New("the next copy did not wait")
			default:
			}
			if n, err := waiting(tx); err != nil || n > 0 {
				return err
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !<-ended {
		t.Error("the next copy does not go on")
	}
}

// TestALateWriteChangesNothing: a process that comes back after another one began anew, or finished, finds that out.
func TestALateWriteChangesNothing(t *testing.T) {
	t.Parallel()
	url := database(t)
	late, other := target(t, url), target(t, url)
	for _, d := range []*Target{late, other} {
		if _, err := d.Begin(t.Context(), "me", fmt.Sprintf("state %p", d)); err != nil {
			t.Fatal(err)
		}
	}
	table := tableNamed("user_roles")
	rows := []transfer.Row{{int64(1), int64(2), int64(3)}}
	if err := late.Write(t.Context(), &table, rows); !errors.Is(err, errNoCopy) {
		t.Errorf("a late write: %v", err)
	}
	if err := late.Finish(t.Context()); !errors.Is(err, errNoCopy) {
		t.Errorf("a late end: %v", err)
	}
	if err := other.Finish(t.Context()); err != nil {
		t.Error(err)
	}
	if err := other.Write(t.Context(), &table, rows); !errors.Is(err, errNoCopy) {
		t.Errorf("a write after the end: %v", err)
	}
}
