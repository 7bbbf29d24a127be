package provision_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"muster"
	"muster/provision"
)

// model is the directory that federated tasks lead to, when one row is done after the other by the contract's words
// (federation contract, sections 2 and 3).
type model struct {
	users map[string]*modelUser // by the account in lower case
	roles []string
}

type modelUser struct {
	Account, Name, Email string
	Roles                []string
	Disabled             bool
}

// impossible is a number that cannot be the id of a role.
const impossible = "9999999999999999999999"

// apply does a row and gives the reason why it fails, "" if it does not.
func (m *model) apply(r *muster.Row) string {
	if slices.Contains(r.Roles, impossible) {
		return "role-not-found" // whoever it is about
	}
	u := m.users[strings.ToLower(r.Account)]
	if r.Action == muster.ActionCreate {
		if u != nil {
			return "exists"
		}
		u = &modelUser{Account: r.Account}
	}
	if u == nil {
		return "not-found"
	}
	if r.Action == muster.ActionDisable {
		u.Disabled = true
		return ""
	}
	for _, role := range r.Roles {
		if !slices.Contains(m.roles, role) {
			return "role-not-found"
		}
	}
	if r.Set.Has(muster.FieldDisplayName) {
		u.Name = r.DisplayName
	}
	if r.Set.Has(muster.FieldEmail) {
		u.Email = r.Email
	}
	if r.Set.Has(muster.FieldRoles) {
		u.Roles = r.Roles
	}
	m.users[strings.ToLower(r.Account)] = u
	return ""
}

// rowGen draws rows about few accounts, in either letter case, so that they meet often.
func rowGen(accounts, roles []string) *rapid.Generator[muster.Row] {
	return rapid.Custom(func(t *rapid.T) muster.Row {
		r := muster.Row{Set: muster.FieldAccount, Account: rapid.SampledFrom(accounts).Draw(t, "account")}
		if rapid.Bool().Draw(t, "upper case") {
			r.Account = strings.ToUpper(r.Account)
		}
		r.Action = rapid.SampledFrom([]muster.Action{muster.ActionCreate, muster.ActionUpdate, muster.ActionDisable}).Draw(t, "action")
		if r.Action == muster.ActionDisable {
			return r
		}
		must := r.Action == muster.ActionCreate
		if must || rapid.Bool().Draw(t, "named") {
			r.Set |= muster.FieldDisplayName
			r.DisplayName = fmt.Sprint("name ", rapid.IntRange(0, 9).Draw(t, "name"))
		}
		if must || rapid.Bool().Draw(t, "addressed") {
			r.Set |= muster.FieldEmail
			r.Email = fmt.Sprintf("Mail%d@example.org", rapid.IntRange(0, 9).Draw(t, "email"))
		}
		if rapid.Bool().Draw(t, "with roles") {
			r.Set |= muster.FieldRoles
			r.Roles = rapid.SliceOfNDistinct(rapid.SampledFrom(roles), 0, 2, rapid.ID[string]).Draw(t, "roles")
		}
		return r
	})
}

// However tasks are cut, queued and taken together, the directory and every outcome are those of a sequential run.
func TestTasksEqualASequentialModel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	other := provision.NewLocal(2) // of an engine beside it, as on another node
	b.config.Dispatcher, b.config.Registerer = other, prometheus.NewRegistry()
	engine, err := provision.New(b.config)
	if err != nil {
		t.Fatal(err)
	}
	must(t, engine.Start(t.Context()))
	t.Cleanup(func() { must(t, engine.Stop(context.Background())) })
	roles := []string{b.createRole(t, "reader"), b.createRole(t, "writer")}
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++ // the rounds share a store: each has accounts of its own
		var accounts []string
		for i := range 4 {
			accounts = append(accounts, fmt.Sprintf("round%d-%d", round, i))
		}
		m := &model{users: map[string]*modelUser{}, roles: roles}
		known := append(slices.Clone(roles), "1", impossible)
		tasks := rapid.SliceOfN(rapid.SliceOfN(rowGen(accounts, known), 1, 12), 1, 6).Draw(rt, "tasks")
		ids := map[string]muster.ID{}
		for i, task := range b.submitAtOnce(t, other, tasks) {
			for k, o := range b.task(t, task.batch) {
				row := &task.rows[k]
				if want := m.apply(row); o.Reason.String() != want || (o.Result == muster.Succeeded) != (want == "") || o.Subject != row.Account {
					rt.Fatalf("task %d, row %d, %s of %s: outcome %+v, want reason %q", i, k, row.Action, row.Account, o, want)
				}
				if o.Result == muster.Succeeded {
					ids[strings.ToLower(row.Account)] = o.User
				}
			}
		}
		for key, id := range ids {
			u, err := b.store.User(t.Context(), b.tenant.ID, id)
			if err != nil {
				rt.Fatal(err)
			}
			got := &modelUser{Account: u.Account, Name: u.DisplayName, Email: u.Email, Disabled: u.Disabled}
			for _, r := range u.Roles {
				got.Roles = append(got.Roles, r.String())
			}
			if diff := gocmp.Diff(m.users[key], got, cmpopts.EquateEmpty(), cmpopts.SortSlices(strings.Compare)); diff != "" {
				rt.Fatalf("user %s (-want +got):\n%s", key, diff)
			}
		}
		if len(ids) != len(m.users) {
			rt.Fatalf("%d users were made, want %d", len(ids), len(m.users))
		}
	})
}

// submitted is a task, by its place in the order of acceptance.
type submitted struct {
	rows     []muster.Row
	batch    muster.ID
	sequence int64
}

// submitAtOnce submits tasks side by side, wakes the other dispatcher for them too, and gives them in the order in which
// they were accepted.
func (b *bundle) submitAtOnce(t *testing.T, other provision.Dispatcher, tasks [][]muster.Row) []submitted {
	t.Helper()
	list := make([]submitted, len(tasks))
	var callers sync.WaitGroup
	for i, rows := range tasks {
		callers.Go(func() {
			s := b.submission(rows...)
			s.Contract = muster.ContractFederation
			receipt, err := b.engine.Submit(t.Context(), s)
			if err != nil {
				t.Error(err)
				return
			}
			other.Wake(muster.LaneRef{Tenant: b.tenant.ID, Lane: muster.LaneOrdered})
			page, err := b.store.BatchPage(t.Context(), b.tenant.ID, receipt.Batch, muster.ContractFederation, 0, 1)
			if err != nil {
				t.Error(err)
				return
			}
			list[i] = submitted{rows, receipt.Batch, page.Batch.Sequence}
		})
	}
	callers.Wait()
	slices.SortFunc(list, func(a, b submitted) int { return cmp.Compare(a.sequence, b.sequence) })
	return list
}

func (b *bundle) createRole(t *testing.T, name string) string {
	t.Helper()
	id, err := b.ids.Next()
	if err != nil {
		t.Fatal(err)
	}
	must(t, b.store.CreateRole(t.Context(), &muster.Role{Tenant: b.tenant.ID, ID: id, Name: name, CreatedAt: b.clock.Now()}, id))
	return id.String()
}
