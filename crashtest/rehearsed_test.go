package crashtest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"muster"
)

const (
	rehearsers    = 4   // clients
	rehearsedRows = 60  // of a list, up to twice as many
	rehearsedPool = 300 // accounts that lists have in common, so that commits meet what has changed
)

// TestKillRehearsed kills the server at random instants while clients rehearse lists, commit them, cancel some, and retry what
// failed. Every batch of which a client was told has one outcome for each row at the end, the one that it was told, and the
// users are those of the rows that succeeded outside of dry runs.
func TestKillRehearsed(t *testing.T) {
	t.Parallel()
	kills, least := setting(t, rehearsedKillsVariable, 6), setting(t, rehearsedVariable, 12)
	next := random(t)
	in := install(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute+time.Duration(kills)*5*time.Second+time.Duration(least)*5*time.Second,
		errors.New("the rehearsals took too long"))
	defer cancel()
	killed := make(chan struct{})
	group, working := errgroup.WithContext(ctx)
	var clients []*rehearser
	for i := range rehearsers {
		r := &rehearser{caller: caller{in: in, account: in.first}, r: next(), number: i, known: map[muster.ID]rehearsedBatch{}}
		clients = append(clients, r)
		group.Go(func() error { return r.run(working, killed, (least+rehearsers-1)/rehearsers) })
	}
	group.Go(func() error {
		defer close(killed)
		return in.killAgainAndAgain(working, next(), kills)
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := in.latest().finish(ctx); err != nil {
		t.Fatal(err)
	}
	db := in.openDatabase(t)
	checkRehearsed(t, db)
	tally := map[string]int{}
	for _, c := range clients {
		c.verify(t, db, tally)
	}
	t.Logf("batches by how they ended: %v", tally)
}

// killAgainAndAgain ends lives at random instants, and leaves one that serves.
func (in *installation) killAgainAndAgain(ctx context.Context, r *rand.Rand, kills int) error {
	for n := range kills {
		l, err := in.start()
		if err != nil {
			return err
		}
		if n%4 == 3 { // while it starts, perhaps
			err = pause(ctx, spread(r, 10*time.Millisecond, time.Second))
		} else if err = l.awaitReady(ctx); err == nil {
			err = pause(ctx, spread(r, time.Millisecond, time.Second))
		}
		if err != nil {
			return err
		}
		if err := l.endedByItself(); err != nil {
			return err
		}
		l.signal(syscall.SIGKILL)
		if err := l.awaitEnd(ctx); err != nil {
			return err
		}
	}
	_, err := in.start()
	return err
}

// rehearsedBatch is a batch as its client is told.
type rehearsedBatch struct {
	ID        muster.ID `json:"id"`
	State     string    `json:"state"`
	DryRun    bool      `json:"dryRun"`
	Total     int       `json:"total"`
	Succeeded int       `json:"succeeded"`
	Failed    int       `json:"failed"`
	Skipped   int       `json:"skipped"`
	Cancelled int       `json:"cancelled"`
}

func (b *rehearsedBatch) over() bool {
	return b.State == "finished" || b.State == "refused" || b.State == "cancelled"
}

// rehearser is a client.
type rehearser struct {
	caller
	r      *rand.Rand
	number int
	lists  int

	mu    sync.Mutex
	known map[muster.ID]rehearsedBatch // as they were when they were over
}

// run rehearses lists until the last kill, and so many at least.
func (c *rehearser) run(ctx context.Context, killed <-chan struct{}, least int) error {
	for ; c.lists < least || !isClosed(killed); c.lists++ {
		if err := c.rehearse(ctx); err != nil {
			return fmt.Errorf("client %d, list %d: %w", c.number, c.lists, err)
		}
	}
	return nil
}

// rehearse is what becomes of one list.
func (c *rehearser) rehearse(ctx context.Context) error {
	dryRun, err := c.submit(ctx)
	if err != nil {
		return err
	}
	commit, err := c.post(ctx, fmt.Sprintf("/api/v1/batches/%s/commit", dryRun.ID), fmt.Sprintf(`{"force":%t}`, c.r.IntN(3) == 0), "")
	if err != nil {
		return err
	}
	if c.r.IntN(3) == 0 {
		if err := pause(ctx, spread(c.r, 100*time.Microsecond, 100*time.Millisecond)); err != nil {
			return err
		}
		if _, err := c.post(ctx, fmt.Sprintf("/api/v1/batches/%s/cancel", commit.ID), "", ""); err != nil {
			return err
		}
	}
	if commit, err = c.follow(ctx, commit.ID); err != nil || commit.Failed == 0 || commit.State == "refused" {
		return err
	}
	retry, err := c.post(ctx, fmt.Sprintf("/api/v1/batches/%s/retry", commit.ID), "", "")
	if err == nil {
		_, err = c.follow(ctx, retry.ID)
	}
	return err
}

// submit has a list rehearsed to its end.
func (c *rehearser) submit(ctx context.Context) (*rehearsedBatch, error) {
	type row struct {
		Account   string `json:"account"`
		FirstName string `json:"firstName,omitempty"`
		Password  string `json:"password,omitempty"`
	}
	rows := make([]row, rehearsedRows+c.r.IntN(rehearsedRows))
	for i := range rows {
		rows[i] = row{Account: fmt.Sprintf("c%d-l%d-r%d", c.number, c.lists, i), FirstName: "Somebody"}
		switch c.r.IntN(30) {
		case 0:
			rows[i].FirstName = "" // fails
		case 1:
			rows[i].Password = fmt.Sprintf("Secret!%d-%d", c.number, i*7919)
		case 2, 3, 4:
			rows[i].Account = fmt.Sprint("shared", c.r.IntN(rehearsedPool))
		}
	}
	body, err := json.Marshal(map[string]any{"operation": "create", "match": "account", "onExisting": "skip", "dryRun": true, "rows": rows})
	if err != nil {
		return nil, err
	}
	b, err := c.post(ctx, "/api/v1/batches", string(body), fmt.Sprintf("c%d-l%d", c.number, c.lists))
	if err != nil {
		return nil, err
	}
	return c.follow(ctx, b.ID)
}

// post asks for something until there is an answer. Each is safe to be asked for again.
func (c *rehearser) post(ctx context.Context, path, body, key string) (*rehearsedBatch, error) {
	a, _, err := attempt(ctx, c.in, func(l *life) (*answer, error) {
		r, err := c.sign(anyScheme(c.r), http.MethodPost, path, "rehearsed", []byte(body))
		if err != nil {
			return nil, err
		}
		if body != "" {
			r.header.Set("Content-Type", "application/json")
		}
		if key != "" {
			r.header.Set("Idempotency-Key", key)
		}
		return l.losing(ctx, r, spread(c.r, 100*time.Microsecond, 30*time.Second))
	})
	return c.read(path, a, err)
}

// follow asks for a batch until it is over.
func (c *rehearser) follow(ctx context.Context, id muster.ID) (*rehearsedBatch, error) {
	path := fmt.Sprintf("/api/v1/batches/%s", id)
	for {
		a, _, err := attempt(ctx, c.in, func(l *life) (*answer, error) {
			r, err := c.sign(anyScheme(c.r), http.MethodGet, path, "rehearsed", nil)
			if err != nil {
				return nil, err
			}
			return l.send(ctx, r)
		})
		b, err := c.read(path, a, err)
		if err != nil {
			return nil, err
		}
		if b.over() {
			c.mu.Lock()
			c.known[b.ID] = *b
			c.mu.Unlock()
			return b, nil
		}
		if err := pause(ctx, retryPause/10); err != nil { // no event tells a client that polls
			return nil, err
		}
	}
}

func (c *rehearser) read(path string, a *answer, err error) (*rehearsedBatch, error) {
	if err != nil {
		return nil, err
	}
	if a.status/100 != 2 {
		return nil, fmt.Errorf("%s: status %d: %s", path, a.status, bytes.TrimSpace(a.body))
	}
	b := &rehearsedBatch{}
	if err := json.Unmarshal(a.body, b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// verify holds what the client was told against what is stored.
func (c *rehearser) verify(t *testing.T, db *database, tally map[string]int) {
	t.Helper()
	for id, told := range c.known {
		stored := rehearsedBatch{ID: id, State: told.State, DryRun: told.DryRun}
		const query = "SELECT total, succeeded, failed, skipped, cancelled FROM batches WHERE id = $1 AND finished_at IS NOT NULL"
		each(t, db, query, []any{int64(id)}, func(rows *sql.Rows) error {
			return rows.Scan(&stored.Total, &stored.Succeeded, &stored.Failed, &stored.Skipped, &stored.Cancelled)
		})
		if stored != told {
			t.Errorf("batch %s is %+v, and its client was told %+v", id, stored, told)
		}
		kind := told.State
		if told.DryRun {
			kind = "dry run"
		}
		tally[kind]++
	}
	if len(c.known) < 2*c.lists {
		t.Errorf("client %d was told of %d batches of %d lists", c.number, len(c.known), c.lists)
	}
}

// checkRehearsed holds the database against itself. Uploads that were cut off are left, for an hour.
func checkRehearsed(t *testing.T, db *database) {
	t.Helper()
	checkDatabase(t, db)
	accepted := "FROM batches b WHERE staged_until IS NULL"
	var of string
	for result, counter := range map[muster.Result]string{
		muster.Succeeded: "succeeded", muster.Failed: "failed", muster.Skipped: "skipped", muster.Cancelled: "cancelled",
	} {
		of += fmt.Sprintf(" OR %s <> (SELECT count(*) FROM outcomes o WHERE o.tenant = b.tenant AND o.batch = b.id AND result = %d)", counter, result)
	}
	made := fmt.Sprintf("FROM outcomes o JOIN batches b ON b.tenant = o.tenant AND b.id = o.batch WHERE result = %d AND mode <> %d", muster.Succeeded, muster.ModeDryRun)
	for what, query := range map[string]string{
		"batches that are not over":          "SELECT count(*) " + accepted + " AND finished_at IS NULL",
		"batches that have other outcomes":   "SELECT count(*) " + accepted + " AND (total <> succeeded + failed + skipped + cancelled" + of + ")",
		"batches counted otherwise":          "SELECT count(*) " + accepted + " AND total <> (SELECT sum(rows) FROM reasons r WHERE r.tenant = b.tenant AND r.batch = b.id)",
		"batches whose passwords are left":   fmt.Sprintf("SELECT count(*) %s AND payload_key IS NOT NULL AND mode <> %d", accepted, muster.ModeDryRun),
		"rows that are not all of a batch's": "SELECT count(*) " + accepted + " AND total <> (SELECT max(row) + 1 FROM outcomes o WHERE o.tenant = b.tenant AND o.batch = b.id)",
		"refused batches that did something": fmt.Sprintf("SELECT count(*) %s AND mode = %d AND succeeded + skipped > 0", accepted, muster.ModeRefused),
		"chunks that wait":                   "SELECT count(*) FROM chunks WHERE lane <> 0",
		"users made twice, or by no row": `SELECT count(*) FROM users u WHERE account_key IS NOT NULL AND
			1 <> (SELECT count(*) ` + made + ` AND o.tenant = u.tenant AND o.user = u.id)`,
		"rows that made nobody": "SELECT count(*) " + made + " AND NOT EXISTS (SELECT 1 FROM users u WHERE u.tenant = o.tenant AND u.id = o.user)",
		"rows done otherwise than predicted": "SELECT count(*) " + made + ` AND guarded = 1 AND NOT EXISTS (SELECT 1 FROM outcomes p
			WHERE p.tenant = o.tenant AND p.batch = b.parent AND p.row = o.row AND p.result = o.result AND p.user = o.user)`,
		"tenants whose users are counted otherwise": "SELECT count(*) FROM tenant_usage t WHERE users <> (SELECT count(*) FROM users u WHERE u.tenant = t.tenant)",
		"tenants with more queued than cut off": `SELECT count(*) FROM tenant_usage t WHERE queued_rows <> (SELECT coalesce(sum(rows), 0)
			FROM chunks c JOIN batches b ON b.tenant = c.tenant AND b.id = c.batch WHERE c.tenant = t.tenant AND staged_until IS NOT NULL AND payload_key IS NOT NULL)`,
		"rows with an internal error": fmt.Sprint("SELECT count(*) FROM outcomes WHERE reason = ", int(muster.ReasonInternal)),
	} {
		if n := number(t, db, query); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}
