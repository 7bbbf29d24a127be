package provision_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/provision"
)

// cancelling cancels a batch ahead of the n-th Apply of its rows in a mode.
func cancelling(t *testing.T, b **bundle, mode muster.Mode, n int64) option {
	var applies atomic.Int64
	return before(func(_ provision.Store, chunks []muster.Chunk) {
		if chunks[0].Mode == mode && applies.Add(1) == n {
			batch, err := (*b).engine.Cancel(t.Context(), (*b).tenant.ID, chunks[0].Batch)
			if err != nil || batch.Mode != muster.ModeCancelled {
				t.Errorf("Cancel = %+v, %v", batch, err)
			}
		}
	})
}

// What was done when a batch was cancelled stays, and nothing is done after; every row has one outcome.
func TestCancel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode muster.Mode
		at   int64
		made int // users, at least; all that there are have an outcome that says so
	}{
		"a run":                 {muster.ModeRun, 3, 16},
		"a dry run":             {muster.ModeDryRun, 2, 0},
		"the check of a commit": {muster.ModeCheck, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b *bundle
			b = setup(t, cancelling(t, &b, c.mode, c.at), over(chunkByChunk))
			b.start(t)
			before := len(b.directory(t))
			s := b.native(rows(200, func(i int) muster.Row {
				r := memberRow(i)
				r.Password, r.Set = fmt.Sprintf("Secret!%d-%d", i, i*7919), r.Set|muster.FieldPassword
				return r
			})...)
			s.DryRun = c.mode != muster.ModeRun
			id := b.upload(t, 100, s)
			if c.mode == muster.ModeCheck {
				dryRun, _ := b.finishedOf(t, s.Contract, id)
				receipt, err := b.engine.Commit(t.Context(), b.followup(dryRun.ID), false)
				if err != nil {
					t.Fatal(err)
				}
				id = receipt.Batch
			}
			batch, outcomes := b.finishedOf(t, s.Contract, id)
			if batch.Mode != muster.ModeCancelled || batch.Cancelled == 0 || batch.Succeeded+batch.Cancelled != 200 || len(outcomes) != 200 {
				t.Errorf("the batch is %+v with %d outcomes", batch, len(outcomes))
			}
			made := len(b.directory(t)) - before
			if made < c.made || c.mode == muster.ModeRun && made != batch.Succeeded || c.mode != muster.ModeRun && made != 0 {
				t.Errorf("%d users were made, and %d rows succeeded", made, batch.Succeeded)
			}
			for i, o := range outcomes {
				if o.Row != i || (o.Result == muster.Cancelled) != (i >= batch.Succeeded) || o.Subject != s.Rows[i].Account {
					t.Errorf("row %d has the outcome %+v", i, o)
				}
			}
			if got := b.queued(t); got != nothingQueued {
				t.Errorf("at the end %s rows and bytes are queued", got)
			}
			again, err := b.engine.Cancel(t.Context(), b.tenant.ID, id)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&batch, again); diff != "" {
				t.Errorf("cancelling it again changed it:\n%s", diff)
			}
			_, failures, err := b.engine.FailuresOf(t.Context(), b.tenant.ID, id, []muster.Result{muster.Cancelled}, 0, 1000)
			if err != nil || len(failures) != batch.Cancelled {
				t.Fatalf("%d cancelled rows are kept, want %d: %v", len(failures), batch.Cancelled, err)
			}
			if f := failures[0]; f.Row.FirstName != s.Rows[batch.Succeeded].FirstName || f.Row.Password != "" {
				t.Errorf("the first cancelled row is kept as %+v", f)
			}
			if b.query(t, "SELECT count(*) FROM batches WHERE tenant = ? AND id = ? AND payload_key IS NOT NULL", int64(b.tenant.ID), int64(id))[0] != "0" {
				t.Error("the key of its passwords is still there")
			}
		})
	}
}

// Rows that failed are done again as they were sent: with the hash of a password that was made, and without those that
// were not, for which they ask.
func TestRetry(t *testing.T) {
	t.Parallel()
	for name, contract := range map[string]muster.Contract{"KooDrive": muster.ContractKooDrive, "native": muster.ContractNative} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b *bundle
			var once sync.Once
			var intruder muster.ID
			b = setup(t, before(func(s provision.Store, chunks []muster.Chunk) { // when the first row's password is hashed
				once.Do(func() { intruder = createMember(t, b, s, "intruder") })
			}))
			b.tenant = b.createTenant(t, "small", muster.TenantSettings{UserLimit: 2}) // of which its administrator takes one
			list := []muster.Row{rowWithPassword(1), rowWithPassword(2), row(3), row(4)}
			list[3].Fault = &muster.Fault{Reason: muster.ReasonInvalid, Field: "phone", Detail: "Text is accepted."}
			for i := range list {
				list[i].Match = muster.KeyPhone
			}
			s := b.submission(list...)
			s.Contract, s.Name = contract, "people.csv"
			b.start(t)
			first, outcomes := b.submitAll(t, s)
			if first.Failed != 4 || outcomes[0].Reason != muster.ReasonNoSeat || b.hasher.count.Load() != 1 {
				t.Fatalf("the batch is %+v with %+v, and %d hashes were made", first, outcomes, b.hasher.count.Load())
			}
			deleteMember(t, b, intruder)

			receipt, err := b.engine.Retry(t.Context(), b.followup(first.ID))
			if err != nil || receipt.Replayed {
				t.Fatalf("Retry = %+v, %v", receipt, err)
			}
			retry, outcomes := b.finishedOf(t, contract, receipt.Batch)
			if retry.Parent != first.ID || retry.Origin != muster.OriginRetry || retry.Contract != contract || retry.Name != s.Name || retry.Succeeded != 1 {
				t.Errorf("the retry is %+v", retry)
			}
			for i, want := range []muster.Reason{muster.ReasonNone, muster.ReasonPasswordNeeded, muster.ReasonNoSeat, muster.ReasonInvalid} {
				if outcomes[i].Reason != want || outcomes[i].Subject != list[i].Phone {
					t.Errorf("row %d has the outcome %+v, want %s", i, outcomes[i], want)
				}
			}
			u, err := b.store.User(t.Context(), b.tenant.ID, outcomes[0].User)
			if err != nil {
				t.Fatal(err)
			}
			if ok, _, err := b.hasher.hasher.Verify(u.PasswordHash, []byte(list[0].Password)); !ok || err != nil {
				t.Errorf("the first row's password does not verify: %v", err)
			}
			again, err := b.engine.Retry(t.Context(), b.followup(first.ID))
			if want := (provision.Receipt{Batch: retry.ID, Replayed: true}); err != nil || again != want {
				t.Errorf("a second retry gives %+v, %v; want %+v", again, err, want)
			}
			if b.hasher.count.Load() != 1 {
				t.Errorf("%d hashes were made, want the first alone", b.hasher.count.Load())
			}
		})
	}
}

func (b *bundle) byAccount(t *testing.T, account string) muster.ID {
	t.Helper()
	shot, err := b.store.Snapshot(t.Context(), b.tenant.ID, muster.Keys{Accounts: []string{account}})
	if err != nil || len(shot.Users) != 1 {
		t.Fatalf("%s is %+v, %v", account, shot.Users, err)
	}
	return shot.Users[0].ID
}

func deleteMember(t *testing.T, b *bundle, id muster.ID) {
	t.Helper()
	entry := muster.Entry{Action: muster.ActionDelete, Match: muster.KeyID, Actor: muster.LevelSystemAdmin, User: muster.User{ID: id}}
	o, err := provision.Direct{Store: b.store, Now: b.clock.Now}.Change(t.Context(), b.tenant.ID, entry)
	if err != nil || o.Result != muster.Succeeded {
		t.Errorf("deleting a user: %+v, %v", o, err)
	}
}

// Of a long list the rows that failed are retried, and not those that were skipped.
func TestRetryOfALongList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	list := rows(1100, memberRow)
	for i := range list {
		if list[i].Account = "somebody"; i%2 == 1 {
			list[i].FirstName, list[i].Set = "", list[i].Set&^muster.FieldFirstName
		}
	}
	first, _ := b.submitAll(t, b.native(list...))
	if first.Failed != 550 || first.Skipped != 549 || first.Succeeded != 1 {
		t.Fatalf("the batch is %+v", first)
	}
	for _, page := range []struct{ from, limit, want, row int }{{0, 10, 10, 1}, {2, 1, 1, 3}, {0, 1100, 550, 1}, {1099, 10, 1, 1099}, {1100, 10, 0, 0}} {
		_, failures, err := b.engine.FailuresOf(t.Context(), b.tenant.ID, first.ID, []muster.Result{muster.Failed}, page.from, page.limit)
		if err != nil || len(failures) != page.want || page.want > 0 && failures[0].Outcome.Row != page.row {
			t.Errorf("from %d, at most %d: %d failures, %v", page.from, page.limit, len(failures), err)
		}
	}
	receipt, err := b.engine.Retry(t.Context(), b.followup(first.ID))
	if err != nil {
		t.Fatal(err)
	}
	retry, outcomes := b.finishedOf(t, muster.ContractNative, receipt.Batch)
	if retry.Total != 550 || retry.Failed != 550 || len(outcomes) != 550 {
		t.Errorf("the retry is %+v", retry)
	}
}
