package provision_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/provision"
	"muster/store/sqlite"
)

// before calls look ahead of every Apply of chunks.
func before(look func(s provision.Store, chunks []muster.Chunk)) option {
	return over(func(s provision.Store) provision.Store {
		return &faultyStore{s, func(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
			if len(chunks) > 0 {
				look(s, chunks)
			}
			return s.Apply(ctx, tenant, chunks, keys, decide)
		}}
	})
}

// chunkByChunk has each chunk applied in a transaction of its own, so that none sees the one before it but by way of the
// store.
func chunkByChunk(s provision.Store) provision.Store {
	return &faultyStore{s, func(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
		if len(chunks) == 0 {
			return s.Apply(ctx, tenant, chunks, keys, decide)
		}
		for i := range chunks {
			err := s.Apply(ctx, tenant, chunks[i:i+1], keys, func(snapshot muster.Snapshot, live []bool) (*provision.Writes, error) {
				all := make([]bool, len(chunks))
				all[i] = live[0]
				return decide(snapshot, all)
			})
			if err != nil {
				return err
			}
		}
		return nil
	}}
}

func (b *bundle) native(rows ...muster.Row) provision.Submission {
	s := b.submission(rows...)
	s.Contract = muster.ContractNative
	return s
}

func (b *bundle) followup(batch muster.ID) provision.Followup {
	return provision.Followup{Tenant: b.tenant.ID, Batch: batch, AppID: "app", ActorLevel: muster.LevelSystemAdmin}
}

// memberRow is a row of our own API that makes somebody.
func memberRow(i int) muster.Row {
	return muster.Row{
		Action: muster.ActionCreate, Match: muster.KeyAccount, Set: muster.FieldAccount | muster.FieldFirstName,
		Account: fmt.Sprintf("member-%d", i), FirstName: fmt.Sprintf("Member %d", i),
	}
}

// submitAll submits and waits until the batch is finished.
func (b *bundle) submitAll(t *testing.T, s provision.Submission) (muster.Batch, []muster.Outcome) {
	t.Helper()
	receipt, err := b.engine.Submit(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return b.finishedOf(t, s.Contract, receipt.Batch)
}

// rehearse uploads rows as a dry run in chunks of so many, and waits until it is finished.
func (b *bundle) rehearse(t *testing.T, chunk int, s provision.Submission) (muster.Batch, []muster.Outcome) {
	t.Helper()
	s.DryRun = true
	return b.finishedOf(t, s.Contract, b.upload(t, chunk, s))
}

func (b *bundle) upload(t *testing.T, chunk int, s provision.Submission) muster.ID {
	t.Helper()
	u, err := b.engine.Begin(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Discard(t.Context())
	u.ChunksOf(chunk)
	if err := u.Add(t.Context(), s.Rows); err != nil {
		t.Fatal(err)
	}
	receipt, err := u.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Batch
}

// commit commits and waits until the batch is finished.
func (b *bundle) commit(t *testing.T, dryRun muster.ID, force bool) (muster.Batch, []muster.Outcome) {
	t.Helper()
	receipt, err := b.engine.Commit(t.Context(), b.followup(dryRun), force)
	if err != nil || receipt.Replayed {
		t.Fatalf("Commit = %+v, %v; want a new batch", receipt, err)
	}
	return b.finishedOf(t, muster.ContractNative, receipt.Batch)
}

// query reads lines from the database's file.
func (b *bundle) query(t *testing.T, statement string, args ...any) (lines []string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { must(t, db.Close()) }()
	rows, err := db.QueryContext(t.Context(), statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { must(t, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(values...))
	}
	must(t, rows.Err())
	return lines
}

// directory is everything that the tenant's directory holds and has taken.
func (b *bundle) directory(t *testing.T) []string {
	t.Helper()
	return append(b.query(t, "SELECT * FROM users WHERE tenant = ? ORDER BY id", int64(b.tenant.ID)),
		b.query(t, "SELECT users, capacity_gb, system_admins FROM tenant_usage WHERE tenant = ?", int64(b.tenant.ID))...)
}

// queued is what waits of the tenant's rows.
func (b *bundle) queued(t *testing.T) string {
	t.Helper()
	return b.query(t, "SELECT queued_rows, queued_bytes FROM tenant_usage WHERE tenant = ?", int64(b.tenant.ID))[0]
}

const nothingQueued = "0 0"

// drawList draws rows of our own API that meet each other and the users with some ids all the time.
func drawList(draw *rand.Rand, ids []muster.ID, uniqueEmail bool) []muster.Row {
	matches := []muster.Key{muster.KeyAccount, muster.KeyPhone, muster.KeyID}
	if uniqueEmail {
		matches = append(matches, muster.KeyEmail)
	}
	list := make([]muster.Row, 30)
	for i := range list {
		r := &list[i]
		r.Action = one(draw, muster.ActionCreate, muster.ActionCreate, muster.ActionCreate, muster.ActionCreate, muster.ActionUpdate, muster.ActionUpdate, muster.ActionDisable, muster.ActionEnable, muster.ActionDelete)
		r.OnExisting = one(draw, muster.SkipExisting, muster.FailExisting, muster.UpdateExisting, muster.UpdateExisting)
		r.Match = one(draw, matches...)
		r.Account, r.Phone = one(draw, "", "a1", "a2", "a3", "a4"), one(draw, "", "", "27100000001", "27100000002", "27100000003")
		r.Email, r.FirstName = one(draw, "", "", "mail1@example.org", "mail2@example.org"), one(draw, "Ann", "Bo", "Cy", "Di", "")
		if of := map[muster.Key]*string{muster.KeyAccount: &r.Account, muster.KeyPhone: &r.Phone, muster.KeyEmail: &r.Email}[r.Match]; of != nil && *of == "" {
			*of = map[muster.Key]string{muster.KeyAccount: "a4", muster.KeyPhone: "27100000004", muster.KeyEmail: "mail3@example.org"}[r.Match]
		}
		r.Password = one(draw, "", "", "", "", "Correct-Horse7", "Correct-Horse8", "weak")
		for field, text := range map[muster.FieldSet]string{
			muster.FieldAccount: r.Account, muster.FieldPhone: r.Phone, muster.FieldEmail: r.Email, muster.FieldFirstName: r.FirstName,
			muster.FieldPassword: r.Password,
		} {
			if text != "" {
				r.Set |= field
			}
		}
		if draw.IntN(3) == 0 {
			r.Set, r.Level = r.Set|muster.FieldLevel, one(draw, muster.LevelCommon, muster.LevelSystemAdmin)
		}
		if draw.IntN(4) == 0 {
			r.Set, r.Allocate, r.CapacityGB = r.Set|muster.FieldCapacity, true, draw.Int64N(3)
		}
		if r.Match == muster.KeyID {
			r.ID = one(draw, ids...)
		}
	}
	return list
}

func one[T any](draw *rand.Rand, of ...T) T { return of[draw.IntN(len(of))] }

// On a directory that stays as it is, a dry run predicts what the run does, however the list is cut; and it changes nothing.
func TestADryRunPredictsTheRun(t *testing.T) {
	t.Parallel()
	b := setup(t, over(chunkByChunk))
	b.start(t)
	results := map[muster.Result]int{}
	reasons := map[muster.Reason]int{}
	for seed := range 4 {
		draw := rand.New(rand.NewPCG(uint64(seed), 1))
		settings := muster.TenantSettings{UniqueEmail: seed%2 == 0, UserLimit: int64(seed%3) * 5, PersonalSpaceGB: int64(seed % 4)}
		of := *b
		of.tenant = b.createTenant(t, fmt.Sprint("tenant ", seed), settings)
		var ids []muster.ID
		for i := range 3 {
			first := memberRow(i)
			first.Account, first.Phone, first.Set = fmt.Sprint("a", i+1), fmt.Sprint("2710000000", i+1), first.Set|muster.FieldPhone
			_, made := of.submitAll(t, of.native(first))
			ids = append(ids, made[0].User)
		}
		list := drawList(draw, ids, settings.UniqueEmail)
		directory := of.directory(t)
		hashed := b.hasher.count.Load()
		_, inOne := of.rehearse(t, len(list), of.native(list...))
		dryRun, cut := of.rehearse(t, 5+seed, of.native(list...))
		if diff := cmp.Diff(directory, of.directory(t)); diff != "" {
			t.Fatalf("seed %d: the dry runs changed the directory (-before +after):\n%s", seed, diff)
		}
		if n := b.hasher.count.Load() - hashed; n != 0 {
			t.Errorf("seed %d: dry runs made %d hashes", seed, n)
		}
		if diff := cmp.Diff(byFirst(inOne), byFirst(cut)); diff != "" {
			t.Fatalf("seed %d: dry runs in chunks of %d and of %d rows differ:\n%s", seed, len(list), 5+seed, diff)
		}
		batch, happened := of.commit(t, dryRun.ID, false)
		if batch.Mode != muster.ModeRun || batch.Checked != len(list) || batch.Differing != 0 {
			t.Fatalf("seed %d: the commit became %+v with differences %+v", seed, batch, of.differences(t, batch.ID))
		}
		for i := range happened {
			happened[i].ID = cut[i].ID
			results[happened[i].Result]++
			reasons[happened[i].Reason]++
		}
		if diff := cmp.Diff(cut, happened); diff != "" {
			t.Fatalf("seed %d: outcomes (-predicted +happened):\n%s", seed, diff)
		}
		if got := of.queued(t); got != nothingQueued {
			t.Errorf("seed %d: at the end %s rows and bytes are queued", seed, got)
		}
	}
	if len(results) != 3 || len(reasons) < 6 {
		t.Errorf("the lists came to %v, for %v, alone", results, reasons)
	}
}

// byFirst gives outcomes without ids of rows, in which users have the number of the first row that is about them.
func byFirst(outcomes []muster.Outcome) []muster.Outcome {
	list := slices.Clone(outcomes)
	first := map[muster.ID]muster.ID{0: 0}
	for i := range list {
		o := &list[i]
		if _, known := first[o.User]; !known {
			first[o.User] = muster.ID(i + 1)
		}
		o.ID, o.User = 0, first[o.User]
	}
	return list
}

func (b *bundle) differences(t *testing.T, batch muster.ID) []muster.Outcome {
	t.Helper()
	list, err := b.store.Differences(t.Context(), b.tenant.ID, batch, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A commit that finds a difference changes nobody and says which rows differ; with force the same rows are done.
func TestACommitThatDiffersIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	dryRun, predicted := b.rehearse(t, 7, b.native(rows(30, memberRow)...))
	_, early := b.submitAll(t, b.native(memberRow(3), memberRow(20)))
	directory := b.directory(t)

	refused, outcomes := b.commit(t, dryRun.ID, false)
	if refused.Mode != muster.ModeRefused || refused.Failed != 2 || refused.Cancelled != 28 || refused.Checked != 30 || refused.Differing != 2 {
		t.Errorf("the commit became %+v", refused)
	}
	if diff := cmp.Diff(directory, b.directory(t)); diff != "" {
		t.Errorf("it changed the directory (-before +after):\n%s", diff)
	}
	var failed []muster.Outcome
	for i, o := range outcomes {
		switch {
		case i == 3 || i == 20:
			failed = append(failed, o)
			if o.Reason != muster.ReasonChanged || !strings.Contains(o.Detail, "exists") || o.Subject != memberRow(i).Account {
				t.Errorf("row %d has the outcome %+v", i, o)
			}
		case o.Result != muster.Cancelled || o.Reason != muster.ReasonCancelled:
			t.Errorf("row %d has the outcome %+v", i, o)
		}
	}
	if diff := cmp.Diff(failed, b.differences(t, refused.ID)); diff != "" {
		t.Errorf("differences (-outcomes +listed):\n%s", diff)
	}

	forced, outcomes := b.commit(t, dryRun.ID, true)
	if forced.Mode != muster.ModeRun || forced.Succeeded != 28 || forced.Skipped != 2 || forced.Parent != dryRun.ID || forced.Origin != muster.OriginCommit {
		t.Errorf("the forced commit became %+v", forced)
	}
	predicted[3].User, predicted[20].User = early[0].User, early[1].User
	for i, o := range outcomes {
		if want := predicted[i].User; o.User != want {
			t.Errorf("row %d is about user %s, want %s", i, o.User, want)
		}
	}
	again, err := b.engine.Commit(t.Context(), b.followup(dryRun.ID), false)
	if want := (provision.Receipt{Batch: forced.ID, Replayed: true}); err != nil || again != want {
		t.Errorf("a third commit gives %+v, %v; want %+v", again, err, want)
	}
	if got := b.queued(t); got != nothingQueued {
		t.Errorf("at the end %s rows and bytes are queued", got)
	}
}

// What changes after the check and before its row's turn fails that row alone.
func TestARowThatChangedAfterTheCheckIsNotDone(t *testing.T) {
	t.Parallel()
	var b *bundle
	var once sync.Once
	b = setup(t, before(func(s provision.Store, chunks []muster.Chunk) {
		if first := &chunks[0]; first.Mode == muster.ModeRun && first.FirstRow == 0 && first.Rows == 8 {
			once.Do(func() { createMember(t, b, s, "member-5") })
		}
	}))
	b.start(t)
	list := rows(24, memberRow)
	list[5].OnExisting = muster.UpdateExisting
	dryRun, _ := b.rehearse(t, 8, b.native(list...))
	batch, outcomes := b.commit(t, dryRun.ID, false)
	if batch.Mode != muster.ModeRun || batch.Succeeded != 23 || batch.Failed != 1 || batch.Differing != 0 || !batch.Guarded {
		t.Errorf("the commit became %+v", batch)
	}
	if o := outcomes[5]; o.Reason != muster.ReasonChanged {
		t.Errorf("the row has the outcome %+v", o)
	}
	if got := b.query(t, "SELECT first_name FROM users WHERE tenant = ? AND account_key = 'member-5'", int64(b.tenant.ID)); len(got) != 1 || got[0] != "Early" {
		t.Errorf("the user is called %v", got)
	}
}

// createMember makes somebody past the lanes.
func createMember(t *testing.T, b *bundle, s provision.Store, account string) muster.ID {
	t.Helper()
	id, err := b.ids.Next()
	must(t, err)
	entry := muster.Entry{
		Action: muster.ActionCreate, Match: muster.KeyAccount, Actor: muster.LevelSystemAdmin, NewID: id,
		Set:  muster.FieldAccount | muster.FieldFirstName | muster.FieldDepartment,
		User: muster.User{Account: account, AccountKey: account, FirstName: "Early", Department: b.tenant.RootDepartment},
	}
	o, err := provision.Direct{Store: s, Now: b.clock.Now}.Change(context.Background(), b.tenant.ID, entry)
	if err != nil || o.Result != muster.Succeeded {
		t.Errorf("making %s past the lanes: %+v, %v", account, o, err)
	}
	return id
}

// A row that cannot be processed fails alone in a dry run, in the check of its commit, and when that runs.
func TestARowThatCannotBeProcessedIsRehearsed(t *testing.T) {
	t.Parallel()
	b := setup(t, over(func(s provision.Store) provision.Store {
		return &faultyStore{s, func(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
			return s.Apply(ctx, tenant, chunks, keys, func(snapshot muster.Snapshot, live []bool) (*provision.Writes, error) {
				if slices.Contains(keys.Accounts, "member-13") {
					return nil, fmt.Errorf("%w: value out of range", muster.ErrRow)
				}
				return decide(snapshot, live)
			})
		}}
	}))
	b.start(t)
	dryRun, predicted := b.rehearse(t, 20, b.native(rows(40, memberRow)...))
	batch, outcomes := b.commit(t, dryRun.ID, false)
	if batch.Mode != muster.ModeRun || dryRun.Failed != 1 || batch.Failed != 1 || batch.Succeeded != 39 {
		t.Errorf("the dry run is %+v, and its commit %+v", dryRun, batch)
	}
	for _, o := range []muster.Outcome{predicted[13], outcomes[13]} {
		if o.Reason != muster.ReasonInternal {
			t.Errorf("the row has the outcome %+v", o)
		}
	}
}

func TestWhatCannotBeFollowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refuse := func(what string, got provision.Receipt, err error, kind muster.Kind) {
		t.Helper()
		if muster.KindOf(err) != kind {
			t.Errorf("%s gives %+v, %v; want a refusal of kind %d", what, got, err, kind)
		}
	}
	commit := func(what string, batch muster.ID, kind muster.Kind) {
		t.Helper()
		got, err := b.engine.Commit(t.Context(), b.followup(batch), true)
		refuse("committing "+what, got, err, kind)
	}
	retry := func(what string, batch muster.ID, kind muster.Kind) {
		t.Helper()
		got, err := b.engine.Retry(t.Context(), b.followup(batch))
		refuse("retrying "+what, got, err, kind)
	}
	waiting := b.submit(t, row(1))
	s := b.native(memberRow(1), memberRow(2))
	s.DryRun, s.Rows[0].FirstName = true, ""
	dryRun := b.upload(t, 10, s)
	retry("a batch that is not finished", waiting, muster.KindConflict)
	commit("a dry run that is not finished", dryRun, muster.KindConflict)
	retry("a batch that does not exist", 1, muster.KindNotFound)
	commit("a batch that does not exist", 1, muster.KindNotFound)
	if _, err := b.engine.Cancel(t.Context(), b.tenant.ID, 1); muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("cancelling a batch that does not exist: %v", err)
	}
	b.start(t)
	b.finished(t, waiting)
	b.finishedOf(t, s.Contract, dryRun)
	retry("a batch of which no row failed", waiting, muster.KindConflict)
	commit("a batch that ran", waiting, muster.KindConflict)
	retry("a dry run", dryRun, muster.KindConflict)
	b.submitAll(t, b.native(memberRow(2)))
	refused, _ := b.commit(t, dryRun, false)
	retry("a commit that was refused", refused.ID, muster.KindConflict)
	b.clock.advance(muster.HeldFor)
	commit("a dry run of yesterday", dryRun, muster.KindConflict)
}
