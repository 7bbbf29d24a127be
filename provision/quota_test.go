package provision_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/provision"
	"muster/store/sqlite"
)

// crowd is what many want of one tenant at once: more than there is.
type crowd struct {
	settings  muster.TenantSettings
	sizes     map[int64]int // rows by the GB that each asks for
	federated int           // rows through the other lane
	calls     int           // users that administrators' calls make meanwhile, with a GB each where there is space
	churn     int           // users that calls make and delete again
	users     int64         // how many there are at the end; 0 is anything up to the limit
	spaceGB   int64         // how much is given at the end; 0 is anything up to the quota
}

// Whatever comes at once, from however many sides, seats and space are never overdrawn, and used up to the last one.
func TestQuotasHoldUnderConcurrency(t *testing.T) {
	t.Parallel()
	crowds := map[string]*crowd{
		"seats":         {settings: limits(60, 0), sizes: map[int64]int{0: 100}, federated: 60, calls: 20, users: 60},
		"space":         {settings: limits(0, 100), sizes: map[int64]int{1: 120, 3: 40, 7: 20, 200: 10}, calls: 20, spaceGB: 100},
		"both":          {settings: limits(50, 30), sizes: map[int64]int{0: 80, 1: 60, 5: 20}, federated: 20, calls: 10, users: 50},
		"coming, going": {settings: limits(40, 60), sizes: map[int64]int{0: 20, 1: 20, 2: 20}, federated: 20, churn: 60},
		"nothing left":  {settings: limits(1, 0), sizes: map[int64]int{0: 20, 1: 20}, federated: 20, calls: 10, users: 1},
	}
	b := setup(t, configured(func(c *provision.Config) { c.Dispatcher = provision.NewLocal(4) }))
	b.start(t)
	second := b.beside(t)
	var everybody sync.WaitGroup
	for name, c := range crowds {
		of := &member{bundle: *b, crowd: c, second: second}
		of.tenant = b.createTenant(t, name, c.settings)
		everybody.Go(func() { of.come(t) })
	}
	everybody.Wait()
}

func limits(users, spaceGB int64) muster.TenantSettings {
	return muster.TenantSettings{UserLimit: users, PersonalSpaceGB: spaceGB}
}

// beside starts another engine on the same store, as another node does.
func (b *bundle) beside(t *testing.T) provision.Dispatcher {
	t.Helper()
	config := b.config
	config.Dispatcher, config.Registerer = provision.NewLocal(4), prometheus.NewRegistry()
	engine, err := provision.New(config)
	if err != nil {
		t.Fatal(err)
	}
	must(t, engine.Start(t.Context()))
	t.Cleanup(func() { must(t, engine.Stop(context.Background())) })
	return config.Dispatcher
}

// member is a crowd's tenant.
type member struct {
	bundle
	*crowd
	second provision.Dispatcher

	mu       sync.Mutex
	outcomes []muster.Outcome
}

func (m *member) come(t *testing.T) {
	done := make(chan struct{})
	var watcher, sides sync.WaitGroup
	watcher.Go(func() { m.watch(t, done) })
	phone := 0
	for gb, n := range m.sizes {
		list := rows(n, func(i int) muster.Row { return wanting(phone+i, gb) })
		phone += n
		sides.Go(func() { m.submitAll(t, muster.ContractNative, list) })
	}
	sides.Go(func() {
		list := rows(m.federated, func(i int) muster.Row { return federated(muster.ActionCreate, fmt.Sprint("federated-", i)) })
		m.submitAll(t, muster.ContractFederation, list)
	})
	sides.Go(func() { m.call(t, m.calls, false) })
	sides.Go(func() { m.call(t, m.churn, true) })
	sides.Wait()
	close(done)
	watcher.Wait()
	m.check(t)
}

// wanting is a row of a user who asks for so many GB.
func wanting(i int, gb int64) muster.Row {
	return muster.Row{
		Action: muster.ActionCreate, Match: muster.KeyPhone, Set: muster.FieldPhone | muster.FieldFirstName | muster.FieldCapacity,
		Phone: fmt.Sprintf("+27%09d", i), FirstName: fmt.Sprint("User ", i), Allocate: gb > 0, CapacityGB: gb,
	}
}

// submitAll submits rows in small batches, and waits until they are done.
func (m *member) submitAll(t *testing.T, contract muster.Contract, list []muster.Row) {
	var ids []muster.ID
	for part := range slices.Chunk(list, 10) {
		s := m.submission(part...)
		s.Contract = contract
		receipt, err := m.engine.Submit(t.Context(), s)
		if err != nil {
			t.Error(err)
			return
		}
		ids = append(ids, receipt.Batch)
		m.second.Wake(muster.LaneRef{Tenant: m.tenant.ID, Lane: muster.LaneCreate})
		m.second.Wake(muster.LaneRef{Tenant: m.tenant.ID, Lane: muster.LaneOrdered})
	}
	for _, id := range ids {
		_, outcomes := m.finishedOf(t, contract, id)
		m.note(outcomes...)
	}
}

// call makes users as an administrator does, and with gone deletes each again.
func (m *member) call(t *testing.T, n int, gone bool) {
	direct := provision.Direct{Store: m.store, Now: m.clock.Now}
	for i := range n {
		id, err := m.ids.Next()
		if err != nil {
			t.Error(err)
			return
		}
		e := muster.Entry{Action: muster.ActionCreate, NewID: id, Actor: muster.LevelSystemAdmin, Set: muster.FieldFirstName | muster.FieldDepartment}
		e.User = muster.User{FirstName: "Called", Department: m.tenant.RootDepartment}
		if m.settings.PersonalSpaceGB > 0 && i%2 == 0 {
			e.Set |= muster.FieldCapacity
			e.User.CapacityGB = 1
		}
		made, err := direct.Change(t.Context(), m.tenant.ID, e)
		if err != nil {
			t.Error(err)
			return
		}
		if !gone || made.Result != muster.Succeeded {
			m.note(made)
			continue
		}
		left, err := direct.Change(t.Context(), m.tenant.ID, muster.Entry{
			Action: muster.ActionDelete, Match: muster.KeyID, User: muster.User{ID: made.User}, Actor: muster.LevelSystemAdmin,
		})
		if err != nil || left.Result != muster.Succeeded {
			t.Errorf("deleting a user again: %+v, %v", left, err)
		}
	}
}

func (m *member) note(outcomes ...muster.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcomes = append(m.outcomes, outcomes...)
}

// watch looks all the while for more than there may be.
func (m *member) watch(t *testing.T, done <-chan struct{}) {
	for {
		usage := m.usage(t)
		limit := m.settings.UserLimit
		if limit > 0 && usage.Users > limit || usage.CapacityGB > m.settings.PersonalSpaceGB || usage.Users < 0 || usage.CapacityGB < 0 {
			t.Errorf("%s: usage %+v is beyond %+v", m.tenant.Name, usage, m.settings)
			return
		}
		select {
		case <-done:
			return
		default:
			m.yield(t)
		}
	}
}

func (m *member) usage(t *testing.T) muster.Usage {
	shot, err := m.store.Snapshot(t.Context(), m.tenant.ID, muster.Keys{})
	if err != nil {
		t.Error(err)
	}
	return shot.Usage
}

// check compares what the tenant has taken with what its users have, and with what rows and calls were told.
func (m *member) check(t *testing.T) {
	usage := m.usage(t)
	users, spaceGB := m.sums(t)
	if usage.Users != users || usage.CapacityGB != spaceGB {
		t.Errorf("%s: usage %+v, and its %d users have %d GB", m.tenant.Name, usage, users, spaceGB)
	}
	if m.users > 0 && users != m.users || m.spaceGB > 0 && spaceGB != m.spaceGB {
		t.Errorf("%s: %d users with %d GB, want %d and %d (0 is any)", m.tenant.Name, users, spaceGB, m.users, m.spaceGB)
	}
	made := int64(1) // the first administrator
	for _, o := range m.outcomes {
		switch {
		case o.Result == muster.Succeeded:
			made++
		case o.Reason == muster.ReasonNoSeat && m.settings.UserLimit > 0:
		case o.Reason == muster.ReasonNoCapacity:
		default:
			t.Errorf("%s: outcome %+v", m.tenant.Name, o)
		}
	}
	if made != users {
		t.Errorf("%s: %d users were reported as made, and there are %d", m.tenant.Name, made, users)
	}
}

// sums counts what is in the database, and not what was counted.
func (m *member) sums(t *testing.T) (users, spaceGB int64) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(m.dir, sqlite.FileName)+"?mode=ro")
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	err = db.QueryRowContext(t.Context(), `SELECT count(*), sum(capacity_gb) FROM users WHERE tenant = ?`, m.tenant.ID).Scan(&users, &spaceGB)
	if err != nil {
		t.Error(err)
	}
	return users, spaceGB
}
