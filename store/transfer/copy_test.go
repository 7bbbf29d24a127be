package transfer_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"muster"
	"muster/store/postgres"
	"muster/store/sqlite"
	"muster/store/transfer"
)

// silent reports to nobody.
func silent(transfer.Progress) {}

// openBoth opens a folder and a database until the test's end.
func openBoth(t testing.TB, dir, url string) (*sqlite.Source, *postgres.Target) {
	t.Helper()
	source, err := sqlite.OpenSource(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, source.Close()) })
	target, err := postgres.OpenTarget(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, target.Close()) })
	return source, target
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read reads a whole table.
func read(t testing.TB, r transfer.Reader, table *transfer.Table) []transfer.Row {
	t.Helper()
	var rows []transfer.Row
	var after transfer.Row
	for {
		page, err := r.Page(t.Context(), table, after, 1000)
		must(t, err)
		if len(page) == 0 {
			return rows
		}
		rows = append(rows, page...)
		after = page[len(page)-1]
	}
}

// wantSame compares all of a folder with all of a database, and wants so many rows of some tables.
func wantSame(t testing.TB, dir, url string, want map[string]int) {
	t.Helper()
	source, target := openBoth(t, dir, url)
	for _, table := range transfer.Tables() {
		from, to := read(t, source, &table), read(t, target, &table)
		if diff := cmp.Diff(from, to); diff != "" {
			t.Errorf("%s (-source +target)\n%s", table.Name, diff)
		}
		if n := max(want[table.Name], 3); len(from) != n {
			t.Errorf("%s has %d rows, want %d", table.Name, len(from), n)
		}
	}
}

// wantServed wants that a node starts on the database, or that it does not.
func wantServed(t testing.TB, url string, want error) {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err == nil {
		err = s.Close()
	}
	if !errors.Is(err, want) {
		t.Fatalf("a node that starts gets %v, want %v", err, want)
	}
}

// TestCopy copies all that there is, more than one page of some of it.
func TestCopy(t *testing.T) {
	t.Parallel()
	rows := map[string]int{"users": 4001, "outcomes": 2000, "user_roles": 1999}
	dir, url := fill(t, rows), server.Database(t, "")
	var copied, checked []transfer.Progress
	counts, err := copyAll(t.Context(), dir, url, postgres.Options{}, func(p transfer.Progress) {
		switch p.Step {
		case transfer.Copying:
			copied = append(copied, p)
		case transfer.Checking:
			checked = append(checked, p)
		default:
			t.Errorf("progress %+v", p)
		}
	})
	must(t, err)
	wantServed(t, url, nil)
	wantSame(t, dir, url, rows)
	total := int64(0)
	for i, table := range transfer.Tables() {
		n := int64(max(rows[table.Name], 3))
		if want := (transfer.Count{Table: table.Name, Rows: n}); counts[i] != want {
			t.Errorf("count %+v, want %+v", counts[i], want)
		}
		total += n
	}
	for _, list := range [][]transfer.Progress{copied, checked} {
		last := list[len(list)-1]
		if last.Rows != total || last.Total != total || last.Table != "kept" || len(list) != len(counts)+2 {
			t.Errorf("the last of %d reports is %+v, want %d rows", len(list), last, total)
		}
	}
	_, err = copyAll(t.Context(), dir, url, postgres.Options{}, silent)
	if muster.KindOf(err) != muster.KindConflict || !strings.Contains(err.Error(), "complete copy of this installation") {
		t.Errorf("a second copy: %v", err)
	}
}

// TestCopyThroughAPooler has each transaction on another connection of the server.
func TestCopyThroughAPooler(t *testing.T) {
	t.Parallel()
	rows := map[string]int{"users": 2001}
	dir, url := fill(t, rows), server.Database(t, "")
	_, err := copyAll(t.Context(), dir, strings.Replace(url, server.Address(), server.Pooler(t, 2), 1), postgres.Options{Pooled: true}, silent)
	must(t, err)
	wantServed(t, url, nil)
	wantSame(t, dir, url, rows)
}

var errCut = errors.New("cut off")

// cutting is a target that is lost after so many calls, either before the last was done or before its answer came.
type cutting struct {
	transfer.Target
	left *atomic.Int64
	late bool
}

func (c *cutting) call(do func() error) error {
	left := c.left.Add(-1)
	if left < 0 || left == 0 && !c.late {
		return errCut
	}
	err := do()
	if left == 0 {
		return errCut
	}
	return err
}

func (c *cutting) Begin(ctx context.Context, source, state string) (begun bool, err error) {
	err = c.call(func() (err error) { begun, err = c.Target.Begin(ctx, source, state); return err })
	return begun, err
}

func (c *cutting) Last(ctx context.Context, table *transfer.Table) (last transfer.Row, err error) {
	err = c.call(func() (err error) { last, err = c.Target.Last(ctx, table); return err })
	return last, err
}

func (c *cutting) Page(ctx context.Context, table *transfer.Table, after transfer.Row, limit int) (page []transfer.Row, err error) {
	err = c.call(func() (err error) { page, err = c.Target.Page(ctx, table, after, limit); return err })
	return page, err
}

func (c *cutting) Write(ctx context.Context, table *transfer.Table, rows []transfer.Row) error {
	return c.call(func() error { return c.Target.Write(ctx, table, rows) })
}

func (c *cutting) Finish(ctx context.Context) error {
	return c.call(func() error { return c.Target.Finish(ctx) })
}

// TestACopyThatIsCutOffGoesOn loses the target at the first call, at the third of the next try, and so on; or the answers to the
// second, the fourth, and so on.
func TestACopyThatIsCutOffGoesOn(t *testing.T) {
	t.Parallel()
	rows := map[string]int{"users": 2001}
	dir := fill(t, rows)
	for first, late := range map[int64]bool{1: false, 2: true} {
		t.Run(fmt.Sprint("late: ", late), func(t *testing.T) {
			t.Parallel()
			url := server.Database(t, "")
			source, target := openBoth(t, dir, url)
			for calls := first; ; calls += 2 {
				left := &atomic.Int64{}
				left.Store(calls)
				_, err := transfer.Copy(t.Context(), sourceName, source, &cutting{target, left, late}, silent)
				if err == nil || late && muster.KindOf(err) == muster.KindConflict { // it was finished, and only the answer lost
					break
				}
				if !errors.Is(err, errCut) {
					t.Fatal(err)
				}
				if calls%10 == 5 {
					wantServed(t, url, postgres.ErrUnfinishedCopy)
				}
			}
			wantServed(t, url, nil)
			wantSame(t, dir, url, rows)
		})
	}
}

// cutAfter copies until so many pages are through.
func cutAfter(t *testing.T, dir, url string, pages int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := copyAll(ctx, dir, url, postgres.Options{}, func(transfer.Progress) {
		if pages--; pages == 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a copy that was cut off: %v", err)
	}
	wantServed(t, url, postgres.ErrUnfinishedCopy)
}

// TestProgressGoesOnToo: what was copied before counts, and is not copied again.
func TestProgressGoesOnToo(t *testing.T) {
	t.Parallel()
	dir, url := fill(t, map[string]int{"users": 4001}), server.Database(t, "")
	before := slices.IndexFunc(transfer.Tables(), func(t transfer.Table) bool { return t.Name == "users" }) // tables, of three rows each
	cutAfter(t, dir, url, before+1)
	var got []transfer.Progress
	counts, err := copyAll(t.Context(), dir, url, postgres.Options{}, func(p transfer.Progress) {
		if p.Step == transfer.Copying && p.Table == "users" {
			got = append(got, p)
		}
	})
	must(t, err)
	total := int64(4001 + 3*(len(counts)-1))
	var want []transfer.Progress
	for _, users := range []int64{2000, 4000, 4001} {
		want = append(want, transfer.Progress{Step: transfer.Copying, Table: "users", Rows: 3*int64(before) + users, Total: total})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reports on users (-want +got)\n%s", diff)
	}
}

// TestASourceThatChangedIsCopiedAnew: what was copied of it before may be no longer right.
func TestASourceThatChangedIsCopiedAnew(t *testing.T) {
	t.Parallel()
	dir, url := fill(t, nil), server.Database(t, "")
	last := len(transfer.Tables())
	cutAfter(t, dir, url, last+1) // all are copied, and one is checked
	change(t, dir, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), "UPDATE users SET phone = 'another' WHERE id = 1; DELETE FROM users WHERE id = 2")
		return err
	})
	_, err := copyAll(t.Context(), dir, url, postgres.Options{}, silent)
	must(t, err)
	wantServed(t, url, nil)
	source, target := openBoth(t, dir, url)
	for _, table := range transfer.Tables() {
		if diff := cmp.Diff(read(t, source, &table), read(t, target, &table)); diff != "" {
			t.Errorf("%s (-source +target)\n%s", table.Name, diff)
		}
	}
}

// TestWhoeverElseWritesIsFoundOut has the database changed while it is compared.
func TestWhoeverElseWritesIsFoundOut(t *testing.T) {
	t.Parallel()
	dir := fill(t, nil)
	for text, want := range map[string]string{
		"UPDATE users SET phone = 'secret' WHERE id = 1":             "in table users the row with tenant 1, id 1 has another phone",
		"UPDATE users SET updated_at = updated_at + interval '1 us'": "in table users the row with tenant 0, id 0 has another updated_at",
		"DELETE FROM tokens WHERE tenant = 2":                        "in table tokens the row with tenant 2, hash 6b65792032 is in the source and not in the target",
		"DELETE FROM kept":                                           "in table kept the row with tenant 0, batch 0, first_row 0 is in the source and not in the target",
		"INSERT INTO roles VALUES (9, 9, 'secret', now())":           "in table roles the row with tenant 9, id 9 is in the target and not in the source",
		"INSERT INTO roles VALUES (0, 1, 'secret', now())":           "in table roles the row with tenant 0, id 1 is in the target and not in the source",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			url := server.Database(t, "")
			other, err := pgx.Connect(t.Context(), url)
			must(t, err)
			defer func() { must(t, other.Close(context.WithoutCancel(t.Context()))) }()
			done := false
			_, err = copyAll(t.Context(), dir, url, postgres.Options{}, func(p transfer.Progress) {
				if p.Step == transfer.Checking && !done {
					_, err := other.Exec(t.Context(), text)
					must(t, err)
					done = true
				}
			})
			var difference *transfer.Difference
			if !errors.As(err, &difference) || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want a difference that ends with %q", err, want)
			}
			wantServed(t, url, postgres.ErrUnfinishedCopy)
		})
	}
}
