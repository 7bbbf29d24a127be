package provision_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/provision"
	"muster/secret"
	"muster/store/sqlite"
)

// mortal is a store that dies at its n-th Apply: the first of them that fails was committed or was not.
type mortal struct {
	provision.Store
	left      atomic.Int64
	committed bool
	died      chan struct{}
}

func (m *mortal) Apply(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
	left := m.left.Add(-1)
	if left == 0 {
		defer close(m.died)
	}
	if left > 0 || left == 0 && m.committed {
		if err := m.Store.Apply(ctx, tenant, chunks, keys, decide); err != nil || left > 0 {
			return err
		}
	}
	return errDatabase
}

// reopen closes the database and opens it again, as another process would.
func (b *bundle) reopen(t *testing.T) {
	t.Helper()
	must(t, b.keyring.Close())
	must(t, b.store.Close())
	var err error
	if b.store, err = sqlite.Open(t.Context(), b.dir, sqlite.Options{BusyTimeout: time.Second}); err != nil {
		t.Fatal(err)
	}
	if b.keyring, err = secret.Open(t.Context(), secret.Config{Master: b.dir + "/master.key"}, b.store); err != nil {
		t.Fatal(err)
	}
	b.config.Store, b.config.Keyring = b.store, b.keyring
	b.renew(t)
}

// renew makes an engine in the place of the bundle's, which stands still.
func (b *bundle) renew(t *testing.T) {
	t.Helper()
	b.config.Dispatcher, b.config.Registerer = provision.NewLocal(2), prometheus.NewRegistry()
	var err error
	if b.engine, err = provision.New(b.config); err != nil {
		t.Fatal(err)
	}
}

// meanwhile runs an engine while something is done.
func (b *bundle) meanwhile(t *testing.T, do func()) {
	t.Helper()
	must(t, b.engine.Start(t.Context()))
	do()
	must(t, b.engine.Stop(t.Context()))
	b.renew(t)
}

// live runs an engine until its store dies or the batch is finished, and tells which.
func (b *bundle) live(t *testing.T, batch muster.ID, committed bool) (finished bool) {
	t.Helper()
	m := &mortal{Store: b.store, committed: committed, died: make(chan struct{})}
	m.left.Store(2)
	b.config.Store = chunkByChunk(m)
	b.renew(t)
	must(t, b.engine.Start(t.Context()))
	defer func() { must(t, b.engine.Stop(t.Context())) }()
	for {
		now, err := b.store.Batch(t.Context(), b.tenant.ID, batch)
		if err != nil {
			t.Fatal(err)
		}
		if now.Finished() {
			return true
		}
		select {
		case <-m.died:
			return false
		default:
			b.yield(t)
		}
	}
}

// fate is a batch that an engine which stands still has accepted, and what is to become of it.
type fate struct {
	begin func(*testing.T, *bundle) muster.ID
	made  int // users
	want  muster.Batch
}

const fateRows = 60

func fates() map[string]fate {
	const size = fateRows
	people := func(b *bundle) provision.Submission { return b.native(rows(size, memberRow)...) }
	return map[string]fate{
		"dry run": {
			begin: func(t *testing.T, b *bundle) muster.ID {
				s := people(b)
				s.DryRun = true
				return b.upload(t, 20, s)
			},
			want: muster.Batch{Mode: muster.ModeDryRun, Succeeded: size},
		},
		"commit": {
			begin: func(t *testing.T, b *bundle) muster.ID { return b.beginCommit(t, people(b)) },
			made:  size, want: muster.Batch{Succeeded: size, Checked: size},
		},
		"commit that is refused": {
			begin: func(t *testing.T, b *bundle) muster.ID { return b.beginCommit(t, people(b), memberRow(33)) },
			made:  1, want: muster.Batch{Mode: muster.ModeRefused, Failed: 1, Cancelled: size - 1, Checked: size, Differing: 1},
		},
		"cancel": {
			begin: func(t *testing.T, b *bundle) muster.ID {
				id := b.upload(t, 20, people(b))
				if _, err := b.engine.Cancel(t.Context(), b.tenant.ID, id); err != nil {
					t.Fatal(err)
				}
				return id
			},
			want: muster.Batch{Mode: muster.ModeCancelled, Cancelled: size},
		},
	}
}

// beginCommit commits a dry run, after which some rows were done.
func (b *bundle) beginCommit(t *testing.T, s provision.Submission, then ...muster.Row) muster.ID {
	t.Helper()
	var dryRun muster.Batch
	b.meanwhile(t, func() {
		dryRun, _ = b.rehearse(t, 20, s)
		if len(then) > 0 {
			b.submitAll(t, b.native(then...))
		}
	})
	receipt, err := b.engine.Commit(t.Context(), b.followup(dryRun.ID), false)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Batch
}

// A store that goes away again and again, in whatever mode a batch is, loses no row, and gives none a second outcome.
func TestReopenedInEveryMode(t *testing.T) {
	t.Parallel()
	for name, f := range fates() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			empty := len(b.directory(t))
			id := f.begin(t, b)
			lives := 1
			for ; !b.live(t, id, lives%2 == 0); lives++ {
				b.reopen(t)
			}
			batch, outcomes := b.finishedOf(t, muster.ContractNative, id)
			got := muster.Batch{
				Mode: batch.Mode, Succeeded: batch.Succeeded, Failed: batch.Failed, Skipped: batch.Skipped, Cancelled: batch.Cancelled,
				Checked: batch.Checked, Differing: batch.Differing,
			}
			if got != f.want || len(outcomes) != fateRows {
				t.Errorf("the batch is %+v with %d outcomes", batch, len(outcomes))
			}
			for i, o := range outcomes {
				if o.Row != i || o.Subject != memberRow(i).Account {
					t.Errorf("row %d has the outcome %+v", i, o)
				}
			}
			if made := len(b.directory(t)) - empty; made != f.made {
				t.Errorf("%d users were made, want %d", made, f.made)
			}
			if left := b.queued(t); left != nothingQueued {
				t.Errorf("at the end %s rows and bytes are queued", left)
			}
			if lives < 2 {
				t.Errorf("the batch was finished in %d lives", lives)
			}
		})
	}
}
