package provision_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"muster"
	"muster/provision"
	"muster/store/sqlite"
)

// faultyStore is the real store with a fault put in front of Apply. The engine meets in it what a database may do.
type faultyStore struct {
	provision.Store
	apply func(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error
}

func (s *faultyStore) Apply(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
	return s.apply(ctx, tenant, chunks, keys, decide)
}

var errDatabase = errors.New("the database is away")

// unsteady is a database that fails three times of four, before, during and after the transaction.
func unsteady() option {
	var calls atomic.Int64
	return over(func(s provision.Store) provision.Store {
		return &faultyStore{s, func(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
			switch calls.Add(1) % 4 {
			case 1:
				return errDatabase // before anything happened
			case 2: // after the plan, before the commit
				return s.Apply(ctx, tenant, chunks, keys, func(snapshot muster.Snapshot, live []bool) (*provision.Writes, error) {
					if _, err := decide(snapshot, live); err != nil {
						return nil, err
					}
					return nil, errDatabase
				})
			case 3: // after the commit, whose answer is lost
				if err := s.Apply(ctx, tenant, chunks, keys, decide); err != nil {
					return err
				}
				return errDatabase
			default:
				return s.Apply(ctx, tenant, chunks, keys, decide)
			}
		}}
	})
}

// A database in trouble is tried again until it is well, and no row pays for it.
func TestFaultsOfTheDatabaseFailNoRow(t *testing.T) {
	t.Parallel()
	b := setup(t, unsteady())
	b.start(t)
	batch, outcomes := b.finished(t, b.submit(t, append(rows(40, rowWithPassword), rows(100, row)[40:]...)...))
	if batch.Succeeded != 100 || len(outcomes) != 100 {
		t.Errorf("%d succeeded, %d failed, %d outcomes; want 100 successes", batch.Succeeded, batch.Failed, len(outcomes))
	}
}

// A commit goes from lane to lane also where only the answer that it did is lost.
func TestFaultsOfTheDatabaseHoldUpNoCommit(t *testing.T) {
	t.Parallel()
	b := setup(t, unsteady())
	b.start(t)
	dryRun, _ := b.rehearse(t, 10, b.native(rows(30, memberRow)...))
	if batch, _ := b.commit(t, dryRun.ID, false); batch.Mode != muster.ModeRun || batch.Succeeded != 30 {
		t.Errorf("the commit is %+v", batch)
	}
	b.submitAll(t, b.native(memberRow(33)))
	other, _ := b.rehearse(t, 10, b.native(rows(60, memberRow)[30:]...))
	deleteMember(t, b, b.byAccount(t, "member-33"))
	if batch, _ := b.commit(t, other.ID, false); batch.Mode != muster.ModeRefused || batch.Differing != 1 {
		t.Errorf("the other commit is %+v, want it refused", batch)
	}
}

func TestReadyTellsOfTrouble(t *testing.T) {
	t.Parallel()
	failing := make(chan struct{}, 1)
	var well atomic.Bool
	b := setup(t, over(func(s provision.Store) provision.Store {
		return &faultyStore{s, func(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
			if well.Load() {
				return s.Apply(ctx, tenant, chunks, keys, decide)
			}
			select {
			case failing <- struct{}{}:
			default:
			}
			return errDatabase
		}}
	}))
	b.start(t)
	must(t, b.engine.Ready(t.Context()))
	id := b.submit(t, row(1))
	<-failing
	<-failing // the first fault has been taken down
	if err := b.engine.Ready(t.Context()); !errors.Is(err, errDatabase) {
		t.Errorf("Ready = %v, want the fault", err)
	}
	well.Store(true)
	b.finished(t, id)
}

// A database that another process locks refuses batches for now, and is tried again for those that it has.
func TestALockedDatabase(t *testing.T) {
	t.Parallel()
	var b *bundle
	var locked sync.Once
	var unlock func()
	failed := make(chan error, 100)
	b = setup(t, over(func(s provision.Store) provision.Store {
		return &faultyStore{s, func(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
			locked.Do(func() { unlock = b.lock(t) })
			err := s.Apply(ctx, tenant, chunks, keys, decide)
			if err != nil {
				failed <- err
			}
			return err
		}}
	}))
	id := b.submit(t, rows(10, row)...)
	b.start(t)
	for range 3 {
		if err := <-failed; muster.KindOf(err) != muster.KindUnavailable {
			t.Errorf("Apply = %v, want KindUnavailable", err)
		}
	}
	_, err := b.engine.Submit(t.Context(), b.submission(row(10)))
	var refusal *muster.Error
	if !errors.As(err, &refusal) || refusal.Kind != muster.KindUnavailable || refusal.RetryAfter <= 0 {
		t.Errorf("Submit = %v, want KindUnavailable and a time to come back", err)
	}
	if err := b.engine.Ready(t.Context()); muster.KindOf(err) != muster.KindUnavailable {
		t.Errorf("Ready = %v, want KindUnavailable", err)
	}
	if err := b.config.Dispatcher.Trouble(); muster.KindOf(err) != muster.KindUnavailable {
		t.Errorf("Trouble = %v, want KindUnavailable", err)
	}
	unlock()
	if batch, outcomes := b.finished(t, id); batch.Succeeded != 10 || len(outcomes) != 10 {
		t.Errorf("%d succeeded, %d failed, %d outcomes; want 10 successes", batch.Succeeded, batch.Failed, len(outcomes))
	}
}

// lock has another connection, as of another process, hold the database until the function it gives is called.
func (b *bundle) lock(t *testing.T) (unlock func()) {
	db, err := sql.Open("sqlite", filepath.Join(b.dir, sqlite.FileName))
	must(t, err)
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(t.Context(), "PRAGMA busy_timeout(10000); BEGIN EXCLUSIVE")
	must(t, err)
	return func() { must(t, db.Close()) } // which ends the transaction
}

// poisoned refuses or panics on users of one phone, as a database does that cannot store a value, or a defect of ours.
func poisoned(phone string, fail func(decide provision.Decide) provision.Decide) option {
	return over(func(s provision.Store) provision.Store {
		return &faultyStore{s, func(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
			if slices.Contains(keys.Phones, phone) {
				decide = fail(decide)
			}
			return s.Apply(ctx, tenant, chunks, keys, decide)
		}}
	})
}

// A row that cannot be processed is isolated and fails alone; its neighbours are as if it had not been there.
func TestARowThatCannotBeProcessedFailsAlone(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(provision.Decide) provision.Decide{
		"the database refuses its data": func(decide provision.Decide) provision.Decide {
			return func(snapshot muster.Snapshot, live []bool) (*provision.Writes, error) {
				if _, err := decide(snapshot, live); err != nil {
					return nil, err
				}
				return nil, fmt.Errorf("%w: value out of range", muster.ErrRow)
			}
		},
		"the plan panics on it": func(decide provision.Decide) provision.Decide {
			return func(_ muster.Snapshot, live []bool) (*provision.Writes, error) {
				return decide(muster.Snapshot{}, live)
			}
		},
	} {
		for _, bad := range []int{0, 357, 999} {
			t.Run(fmt.Sprintf("%s, row %d", name, bad), func(t *testing.T) {
				t.Parallel()
				b := setup(t, poisoned(row(bad).Phone, fail))
				b.start(t)
				id := b.submit(t, rows(1000, row)...)
				next := b.submit(t, rows(1010, row)[1000:]...)
				_, outcomes := b.finished(t, id)
				for i, o := range outcomes {
					if o.Row != i || o.ID != outcomes[0].ID+muster.ID(i) {
						t.Fatalf("outcome %d is of row %d, id %s", i, o.Row, o.ID)
					}
					if i == bad {
						if o.Result != muster.Failed || o.Reason != muster.ReasonInternal || o.Subject != row(bad).Phone {
							t.Errorf("the bad row's outcome is %+v", o)
						}
					} else if o.Result != muster.Succeeded {
						t.Errorf("row %d's outcome is %+v", i, o)
					}
				}
				if batch, _ := b.finished(t, next); batch.Succeeded != 10 {
					t.Errorf("of the batch after it %d succeeded, want 10", batch.Succeeded)
				}
				if strings.Contains(b.logs.String(), row(bad).Phone) {
					t.Error("the log tells the bad row's phone")
				}
			})
		}
	}
}

// A user deleted between Prepare and Apply turns a skip into a create, whose password is hashed after all.
func TestAUserDeletedMeanwhileIsMadeAnew(t *testing.T) {
	t.Parallel()
	var once sync.Once
	var b *bundle
	b = setup(t, over(func(s provision.Store) provision.Store {
		return &faultyStore{s, func(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
			if chunks[0].Batch != 0 && b.hasher.count.Load() == 0 && len(keys.Phones) == 2 {
				once.Do(func() { deleteUser(t, s, tenant, keys) })
			}
			return s.Apply(ctx, tenant, chunks, keys, decide)
		}}
	}))
	b.start(t)
	b.finished(t, b.submit(t, row(0), row(1), row(2)))
	batch, outcomes := b.finished(t, b.submit(t, rowWithPassword(0), rowWithPassword(1)))
	if batch.Succeeded != 1 || batch.Skipped != 1 || b.hasher.count.Load() != 1 {
		t.Fatalf("%d succeeded, %d skipped, %d hashed; want one each", batch.Succeeded, batch.Skipped, b.hasher.count.Load())
	}
	for _, o := range outcomes {
		u, err := b.store.User(t.Context(), b.tenant.ID, o.User)
		if err != nil {
			t.Fatal(err)
		}
		if (u.PasswordHash != "") != (o.Result == muster.Succeeded) {
			t.Errorf("outcome %+v with hash %t", o, u.PasswordHash != "")
		}
	}
}

// deleteUser removes the holder of the first phone, as a call of an administrator would.
func deleteUser(t *testing.T, s provision.Store, tenant muster.ID, keys muster.Keys) {
	keys.Phones = keys.Phones[:1]
	err := s.Apply(context.Background(), tenant, nil, keys, func(snapshot muster.Snapshot, _ []bool) (*provision.Writes, error) {
		planned := muster.Plan([]muster.Entry{{
			Action: muster.ActionDelete, Match: muster.KeyPhone, Actor: muster.LevelSystemAdmin, User: muster.User{PhoneKey: keys.Phones[0]},
		}}, snapshot)
		return &provision.Writes{Planned: planned}, nil
	})
	must(t, err)
}

// A change of the tenant's settings between Prepare and Apply prepares the rows again.
func TestSettingsChangedMeanwhile(t *testing.T) {
	t.Parallel()
	var once sync.Once
	var b *bundle
	b = setup(t, over(func(s provision.Store) provision.Store {
		return &faultyStore{s, func(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
			once.Do(func() {
				changed := *b.tenant
				changed.Settings.PhoneRegion = "ZA"
				must(t, b.store.UpdateTenant(ctx, &changed))
			})
			return s.Apply(ctx, tenant, chunks, keys, decide)
		}}
	}))
	b.start(t)
	r := row(0)
	r.Phone = "0821234567"
	_, outcomes := b.finished(t, b.submit(t, r))
	u, err := b.store.User(t.Context(), b.tenant.ID, outcomes[0].User)
	if err != nil {
		t.Fatal(err)
	}
	if u.PhoneKey != "+27821234567" || u.Phone != r.Phone {
		t.Errorf("phone %q with key %q; want the key of the new region", u.Phone, u.PhoneKey)
	}
}

// newerStore has a tenant whose keys a newer version normalised, until it is old again.
type newerStore struct {
	provision.Store
	read  chan struct{}
	newer atomic.Bool
}

func (s *newerStore) Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error) {
	t, err := s.Store.Tenant(ctx, id)
	if err == nil && s.newer.Load() {
		t.KeyVersion++
		s.read <- struct{}{}
	}
	return t, err
}

// Keys that another version normalised may not be compared with ours: the rows wait for the right program.
func TestKeysOfAnotherVersionAreNotMixed(t *testing.T) {
	t.Parallel()
	newer := &newerStore{read: make(chan struct{})}
	newer.newer.Store(true)
	b := setup(t, over(func(s provision.Store) provision.Store { newer.Store = s; return newer }))
	b.start(t)
	id := b.submit(t, row(1))
	for range 2 { // the second time, the first fault has been taken down
		<-newer.read
	}
	if err := b.engine.Ready(t.Context()); muster.KindOf(err) != muster.KindUnavailable {
		t.Errorf("Ready = %v, want KindUnavailable", err)
	}
	newer.newer.Store(false)
	if batch, _ := b.finished(t, id); batch.Succeeded != 1 {
		t.Errorf("%d rows succeeded, want 1", batch.Succeeded)
	}
}
