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
