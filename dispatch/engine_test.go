package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/access"
	"muster/password"
	"muster/provision"
	"muster/secret"
	"muster/store/postgres"
)

// engine is one of a node, over its own connections to the database that all share.
type engine struct {
	*provision.Engine
	store *postgres.Store
	ids   *muster.IDSource
	keys  *secret.Keyring
}

func openEngine(t *testing.T, url, master string, node int, pooled bool) *engine {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, postgres.Options{Connections: 10, Pooled: pooled, Wake: WakeIn})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	keys, err := secret.Open(t.Context(), secret.Config{Master: master}, s)
	must(t, err)
	t.Cleanup(func() { must(t, keys.Close()) })
	ids, err := muster.NewIDSource(node, 0, time.Now)
	must(t, err)
	hasher, err := password.NewPool(password.Hasher{}, 0)
	must(t, err)
	t.Cleanup(hasher.Close)
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	d, err := New(s.Pool(), Options{Workers: 2, PollOnly: pooled, Logger: logger})
	must(t, err)
	e, err := provision.New(provision.Config{
		Store: s, Keyring: keys, Hasher: hasher, IDs: ids, Dispatcher: d, Now: time.Now, Logger: logger, Registerer: prometheus.NewRegistry(),
	})
	must(t, err)
	must(t, e.Start(t.Context()))
	t.Cleanup(func() { must(t, e.Stop(context.Background())) })
	return &engine{Engine: e, store: s, ids: ids, keys: keys}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What is submitted on two nodes at once, of which one is behind a pooler, is done, and every row once.
func TestEngines(t *testing.T) {
	t.Parallel()
	const tenants, batches, rows = 3, 8, 40
	url, master := database(t), filepath.Join(t.TempDir(), "master.key")
	nodes := []*engine{openEngine(t, url, master, 0, false)}
	nodes = append(nodes, openEngine(t, pooled(t, url), master, 1, true))
	service := &access.Service{Store: nodes[0].store, Keyring: nodes[0].keys, IDs: nodes[0].ids, Now: time.Now}
	type submitted struct {
		tenant, batch muster.ID
		contract      muster.Contract
	}
	var mu sync.Mutex
	var all []submitted
	var callers sync.WaitGroup
	for i := range tenants {
		tenant, _, err := service.CreateTenant(t.Context(), access.NewTenant{Name: fmt.Sprint("tenant ", i)})
		must(t, err)
		for b := range batches {
			callers.Go(func() {
				contract := []muster.Contract{muster.ContractKooDrive, muster.ContractFederation}[b/2%2]
				s := provision.Submission{Tenant: tenant.ID, AppID: "app", ActorLevel: muster.LevelSystemAdmin, Contract: contract}
				for r := range rows {
					s.Rows = append(s.Rows, row(contract, b*rows+r))
				}
				receipt, err := nodes[b%2].Submit(t.Context(), s)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, submitted{tenant.ID, receipt.Batch, contract})
			})
		}
	}
	callers.Wait()
	for _, s := range all {
		for {
			page, err := nodes[1].store.BatchPage(t.Context(), s.tenant, s.batch, s.contract, 0, rows)
			must(t, err)
			if !page.Batch.Finished() {
				continue
			}
			for _, o := range page.Outcomes {
				if o.Result != muster.Succeeded {
					t.Errorf("outcome %+v", o)
				}
			}
			if len(page.Outcomes) != rows {
				t.Errorf("%d outcomes of %d rows", len(page.Outcomes), rows)
			}
			break
		}
	}
}

// cluster is two nodes with a tenant.
type cluster struct {
	nodes  [2]*engine
	tenant muster.ID
}

func openCluster(t *testing.T) *cluster {
	t.Helper()
	url, master := database(t), filepath.Join(t.TempDir(), "master.key")
	c := &cluster{}
	c.nodes[0] = openEngine(t, url, master, 0, false)
	c.nodes[1] = openEngine(t, pooled(t, url), master, 1, true)
	service := &access.Service{Store: c.nodes[0].store, Keyring: c.nodes[0].keys, IDs: c.nodes[0].ids, Now: time.Now}
	tenant, _, err := service.CreateTenant(t.Context(), access.NewTenant{Name: "tenant"})
	must(t, err)
	c.tenant = tenant.ID
	return c
}

// rehearse begins a dry run of rows that create the users of so many numbers, from first on.
func (c *cluster) rehearse(t *testing.T, node, first, rows int) muster.ID {
	t.Helper()
	u, err := c.nodes[node].Begin(t.Context(), provision.Submission{
		Tenant: c.tenant, ActorLevel: muster.LevelSystemAdmin, Contract: muster.ContractKooDrive, DryRun: true,
	})
	must(t, err)
	defer u.Discard(t.Context())
	for i := range rows {
		must(t, u.Add(t.Context(), []muster.Row{row(muster.ContractKooDrive, first+i)}))
	}
	receipt, err := u.Accept(t.Context())
	must(t, err)
	return receipt.Batch
}

func (c *cluster) commit(t *testing.T, node int, batch muster.ID) muster.ID {
	t.Helper()
	receipt, err := c.nodes[node].Commit(t.Context(), provision.Followup{Tenant: c.tenant, Batch: batch, ActorLevel: muster.LevelSystemAdmin}, false)
	must(t, err)
	return receipt.Batch
}

// finished waits for a batch's end.
func (c *cluster) finished(t *testing.T, batch muster.ID) *muster.BatchPage {
	t.Helper()
	for {
		b, err := c.nodes[1].store.Batch(t.Context(), c.tenant, batch)
		must(t, err)
		if !b.Finished() {
			continue
		}
		page, err := c.nodes[0].store.Outcomes(t.Context(), c.tenant, batch, provision.OutcomeQuery{Limit: b.Total})
		must(t, err)
		return page
	}
}

// users fails the test unless there are so many, the tenant's first one aside, and nothing waits.
func (c *cluster) users(t *testing.T, want int) {
	t.Helper()
	shot, err := c.nodes[0].store.Snapshot(t.Context(), c.tenant, muster.Keys{})
	must(t, err)
	if shot.Usage.Users != int64(want)+1 || shot.Usage.QueuedRows != 0 {
		t.Errorf("there are %d users, want %d, and %d rows wait", shot.Usage.Users-1, want, shot.Usage.QueuedRows)
	}
}

// What one node rehearses another one commits, and whichever gives the turns, what was predicted happens, or nothing; a batch
// that is cancelled on one node ends on all.
func TestEnginesRehearse(t *testing.T) {
	t.Parallel()
	const rows = muster.ChunkRows + 100
	c := openCluster(t)
	first, second := c.rehearse(t, 0, 0, rows), c.rehearse(t, 1, rows-1, rows) // of which one row is in both
	third := c.rehearse(t, 0, 2*rows, rows)
	predicted := c.finished(t, first)
	for _, batch := range []muster.ID{first, second, third} {
		if b := c.finished(t, batch).Batch; b.Succeeded != rows {
			t.Errorf("a dry run ends as %+v", b)
		}
	}
	c.users(t, 0)
	committed := c.finished(t, c.commit(t, 1, first))
	if b := committed.Batch; b.Succeeded != rows || b.Checked != rows || b.Differing != 0 {
		t.Errorf("the commit ends as %+v", b)
	}
	for i := range committed.Outcomes {
		if committed.Outcomes[i].User != predicted.Outcomes[i].User {
			t.Fatalf("row %d makes another user than was predicted", i)
		}
	}
	c.users(t, rows)
	if b := c.finished(t, c.commit(t, 0, second)).Batch; b.Mode != muster.ModeRefused || b.Differing != 1 || b.Failed != 1 || b.Cancelled != rows-1 {
		t.Errorf("the commit of what differs ends as %+v", b)
	}
	c.users(t, rows)
	cancelled := c.commit(t, 1, third)
	if _, err := c.nodes[0].Cancel(t.Context(), c.tenant, cancelled); err != nil {
		t.Fatal(err)
	}
	b := c.finished(t, cancelled).Batch
	if b.Succeeded+b.Cancelled != rows {
		t.Errorf("what was cancelled ends as %+v", b)
	}
	c.users(t, rows+b.Succeeded)
}

// row creates a user of the number.
func row(contract muster.Contract, i int) muster.Row {
	r := muster.Row{Action: muster.ActionCreate, Set: muster.FieldFirstName | muster.FieldPhone,
		FirstName: fmt.Sprint("User ", i), Phone: fmt.Sprintf("27%09d", i)}
	if contract == muster.ContractFederation {
		r.Set |= muster.FieldAccount | muster.FieldEmail | muster.FieldDisplayName
		r.Account, r.Email, r.DisplayName = fmt.Sprint("user", i), fmt.Sprintf("user%d@example.org", i), "User"
	}
	return r
}
