package provision_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/access"
	"muster/mapping"
	"muster/provision"
)

func (b *bundle) setProfile(t *testing.T, p muster.FederationProfile, secret *string) {
	t.Helper()
	f := &access.Federation{Store: b.store, Keyring: b.keyring, Check: mapping.CheckProfile}
	if _, err := f.SetProfile(t.Context(), b.tenant.ID, &p, secret); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) submitTask(t *testing.T, rows ...muster.Row) muster.ID {
	t.Helper()
	s := b.submission(rows...)
	s.Contract = muster.ContractFederation
	receipt, err := b.engine.Submit(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Batch
}

// task waits until a task is done and gives its outcomes.
func (b *bundle) task(t *testing.T, batch muster.ID) []muster.Outcome {
	t.Helper()
	for {
		page, err := b.store.BatchPage(t.Context(), b.tenant.ID, batch, muster.ContractFederation, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if page.Batch.Finished() {
			return page.Outcomes
		}
		b.yield(t)
	}
}

func federated(action muster.Action, account string) muster.Row {
	r := muster.Row{Action: action, Set: muster.FieldAccount, Account: account}
	if action == muster.ActionCreate {
		r.Set |= muster.FieldDisplayName | muster.FieldEmail
		r.DisplayName, r.Email = account+" name", account+"@example.org"
	}
	return r
}

// reasons gives the outcomes' reasons, "" for a success.
func reasons(outcomes []muster.Outcome) string {
	var list []string
	for _, o := range outcomes {
		list = append(list, o.Reason.String())
	}
	return strings.Join(list, ",")
}

// systemAt makes a profile of an identity system on this machine.
func systemAt(url string) muster.FederationProfile {
	return muster.FederationProfile{
		System:  &muster.IdentitySystem{ID: "hr", Kind: muster.SystemHTTP, URL: url + "/users/{account}", AllowPrivate: true},
		Mapping: &muster.MappingRule{Condition: `source.active`, DisplayName: `source.name`},
	}
}

func TestFederatedTask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	rename := federated(muster.ActionUpdate, "TEST0616")
	rename.Set |= muster.FieldDisplayName
	rename.DisplayName = "new name"
	outcomes := b.task(t, b.submitTask(t,
		federated(muster.ActionCreate, "Test0616"), rename, federated(muster.ActionDisable, "test0616"),
		federated(muster.ActionCreate, "test0616"), federated(muster.ActionUpdate, "nobody"), federated(muster.ActionCreate, "x"),
	))
	if got, want := reasons(outcomes), ",,,exists,not-found,account-length"; got != want {
		t.Fatalf("reasons %q, want %q", got, want)
	}
	u, err := b.store.User(t.Context(), b.tenant.ID, outcomes[0].User)
	if err != nil {
		t.Fatal(err)
	}
	if u.Account != "Test0616" || u.DisplayName != "new name" || u.Email != "Test0616@example.org" || !u.Disabled || u.Department != b.tenant.RootDepartment {
		t.Errorf("the user is %+v", u)
	}
	if outcomes[3].Subject != "test0616" {
		t.Errorf("the subject is %q, want the account as sent", outcomes[3].Subject)
	}
}

// A profile counts from the next turn on.
func TestProfileIsReadAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	for i, tt := range []struct {
		profile muster.FederationProfile
		want    string
	}{
		{muster.DefaultFederationProfile(), ""},
		{muster.FederationProfile{Mapping: &muster.MappingRule{}}, "no-system"},
		{muster.FederationProfile{System: &muster.IdentitySystem{ID: "local", Kind: muster.SystemLocal}}, "no-mapping"},
		{muster.FederationProfile{System: &muster.IdentitySystem{ID: "local", Kind: muster.SystemLocal}, Mapping: &muster.MappingRule{Condition: "false"}}, "not-admitted"},
		{muster.FederationProfile{System: &muster.IdentitySystem{ID: "local", Kind: muster.SystemLocal}, Mapping: &muster.MappingRule{Email: "userName"}}, "mapping"},
	} {
		b.setProfile(t, tt.profile, nil)
		if got := reasons(b.task(t, b.submitTask(t, federated(muster.ActionCreate, fmt.Sprintf("account%d", i))))); got != tt.want {
			t.Errorf("profile %d gives %q, want %q", i, got, tt.want)
		}
	}
}

func TestIdentitySystem(t *testing.T) {
	t.Parallel()
	var asked sync.Map
	hr := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account := strings.TrimPrefix(r.URL.Path, "/users/")
		asked.Store(account, r.Header.Get("Authorization"))
		switch account {
		case "nobody":
			http.NotFound(w, r)
		case "left123":
			fmt.Fprint(w, `{"id":"u2","name":"Left","active":false}`)
		case "noid123":
			fmt.Fprint(w, `{"name":"No Id","active":true}`)
		case "norole":
			fmt.Fprint(w, `{"id":"u3","name":"No Role","active":true,"roles":7}`)
		case "noname":
			fmt.Fprint(w, `{"id":"u4","active":true}`)
		default:
			fmt.Fprintf(w, `{"id":"u1","name":"HR's %s","active":true}`, account)
		}
	}))
	t.Cleanup(hr.Close)
	b := setup(t)
	b.start(t)
	secret := "hr-s3cret"
	b.setProfile(t, systemAt(hr.URL), &secret)
	outcomes := b.task(t, b.submitTask(t,
		federated(muster.ActionCreate, "ann123"), federated(muster.ActionCreate, "nobody"), federated(muster.ActionCreate, "left123"),
		federated(muster.ActionCreate, "noid123"), federated(muster.ActionCreate, "norole"), federated(muster.ActionCreate, "noname"),
		federated(muster.ActionUpdate, "noid123"), federated(muster.ActionDisable, "ann123"), federated(muster.ActionCreate, "short"),
		federated(muster.ActionDisable, "bob123"),
	))
	if got, want := reasons(outcomes), ",source-empty,not-admitted,source-no-id,source-roles,mapping,not-found,,account-length,not-found"; got != want {
		t.Fatalf("reasons %q, want %q", got, want)
	}
	u, err := b.store.User(t.Context(), b.tenant.ID, outcomes[0].User)
	if err != nil {
		t.Fatal(err)
	}
	if u.DisplayName != "HR's ann123" || u.Email != "ann123@example.org" || !u.Disabled {
		t.Errorf("the user is %+v", u)
	}
	if got, _ := asked.Load("ann123"); got != "Bearer hr-s3cret" {
		t.Errorf("the system was sent %q, want the secret", got)
	}
	for _, account := range []string{"short", "bob123"} {
		if _, ok := asked.Load(account); ok {
			t.Errorf("the system was asked about %s, who fails or is disabled without it", account)
		}
	}
	if strings.Contains(b.logs.String(), secret) {
		t.Error("the log tells the secret")
	}
}

// While one tenant's identity system is away, his tasks wait in order, others go on, and nothing is reported as trouble.
func TestIdentitySystemAway(t *testing.T) {
	t.Parallel()
	var well atomic.Bool
	called := make(chan struct{}, 1)
	hr := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case called <- struct{}{}:
		default:
		}
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"id":"u1","name":"N","active":true}`)
	}))
	t.Cleanup(hr.Close)
	b := setup(t, configured(func(c *provision.Config) { c.Dispatcher = provision.NewLocal(1) }))
	b.start(t)
	b.setProfile(t, systemAt(hr.URL), nil)
	first := b.submitTask(t, federated(muster.ActionCreate, "ann123"), federated(muster.ActionDisable, "ann123"))
	second := b.submitTask(t, federated(muster.ActionDisable, "ann123"), federated(muster.ActionUpdate, "ann123"))
	<-called

	other := *b
	other.tenant = b.createTenant(t, "other", muster.TenantSettings{})
	for i := range 20 {
		if got := reasons(other.task(t, other.submitTask(t, federated(muster.ActionCreate, fmt.Sprintf("account%d", i))))); got != "" {
			t.Errorf("another tenant's task ends with %q", got)
		}
	}
	must(t, b.engine.Ready(t.Context()))
	page, err := b.store.BatchPage(t.Context(), b.tenant.ID, second, muster.ContractFederation, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if page.Batch.Decided() != 0 {
		t.Error("a task went past one that waits")
	}

	well.Store(true)
	b.clock.advance(31 * time.Second)
	if got := reasons(b.task(t, first)); got != "," {
		t.Errorf("the first task ends with %q", got)
	}
	if got := reasons(b.task(t, second)); got != "," {
		t.Errorf("the second task ends with %q", got)
	}
}

func TestIdentitySystemGivenUp(t *testing.T) {
	t.Parallel()
	called := make(chan struct{}, 1)
	hr := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		select {
		case called <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(hr.Close)
	b := setup(t)
	b.start(t)
	b.setProfile(t, systemAt(hr.URL), nil)
	batch := b.submitTask(t, federated(muster.ActionCreate, "ann123"), federated(muster.ActionDisable, "bob123"), federated(muster.ActionCreate, "cat123"))
	<-called
	b.clock.advance(10 * time.Minute)
	if got, want := reasons(b.task(t, batch)), "source-unreadable,not-found,source-unreadable"; got != want {
		t.Errorf("reasons %q, want %q", got, want)
	}
}

func TestTry(t *testing.T) {
	t.Parallel()
	var well atomic.Bool
	hr := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"id":"u1","name":"N","active":true}`)
	}))
	t.Cleanup(hr.Close)
	b := setup(t)
	b.setProfile(t, systemAt(hr.URL), nil)
	profile, err := b.store.FederationProfile(t.Context(), b.tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	try := func(row muster.Row) *provision.Trial {
		t.Helper()
		trial, err := b.engine.Try(t.Context(), b.tenant.ID, profile, &row)
		if err != nil {
			t.Fatal(err)
		}
		return trial
	}
	if got := try(federated(muster.ActionCreate, "ann123")); got.Outcome.Reason != muster.ReasonSourceUnreadable {
		t.Errorf("outcome %+v while the system is away", got.Outcome)
	}
	well.Store(true)
	got := try(federated(muster.ActionCreate, "ann123"))
	if got.Outcome.Result != muster.Succeeded || got.Outcome.Subject != "ann123" || got.Entry.User.DisplayName != "N" {
		t.Errorf("trial %+v", got)
	}
	if got := try(federated(muster.ActionUpdate, "ann123")); got.Outcome.Reason != muster.ReasonNotFound {
		t.Errorf("outcome %+v: a trial made a user", got.Outcome)
	}
	profile.Mapping = &muster.MappingRule{Condition: "source.active", DisplayName: `source.name + "!"`, Email: "email"}
	if got := try(federated(muster.ActionCreate, "ann123")); got.Entry.User.DisplayName != "N!" {
		t.Errorf("trial by another profile %+v", got)
	}
	_, err = b.engine.Try(t.Context(), b.tenant.ID+1, profile, &muster.Row{})
	if muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("Try of no tenant = %v", err)
	}
}

// Tasks run in the order in which they were accepted, and their rows in list order, on however many workers and engines.
func TestTasksRunInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var tasks []muster.ID
	const n = 60
	for i := range n {
		rename := federated(muster.ActionUpdate, "account")
		rename.Set |= muster.FieldDisplayName
		rename.DisplayName = fmt.Sprintf("after %d", i)
		tasks = append(tasks, b.submitTask(t, federated(muster.ActionCreate, "account"), rename, federated(muster.ActionCreate, fmt.Sprintf("other%d", i)), rename))
	}
	for range 2 {
		b.config.Dispatcher, b.config.Registerer = provision.NewLocal(4), prometheus.NewRegistry()
		engine, err := provision.New(b.config)
		if err != nil {
			t.Fatal(err)
		}
		must(t, engine.Start(t.Context()))
		t.Cleanup(func() { must(t, engine.Stop(context.Background())) })
	}
	var user muster.ID
	for i, task := range tasks {
		outcomes := b.task(t, task)
		if i == 0 {
			user = outcomes[0].User
		}
		want := "exists,,,"
		if i == 0 {
			want = ",,,"
		}
		if got := reasons(outcomes); got != want {
			t.Errorf("task %d ends with %q, want %q", i, got, want)
		}
	}
	u, err := b.store.User(t.Context(), b.tenant.ID, user)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("after %d", n-1); u.DisplayName != want {
		t.Errorf("the user is named %q, want %q", u.DisplayName, want)
	}
}

// A database that is away for a while yields no internal fault.
func TestTasksOutliveADatabaseInTrouble(t *testing.T) {
	t.Parallel()
	var refused atomic.Int64
	b := setup(t, over(func(s provision.Store) provision.Store {
		return &faultyStore{s, func(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
			if refused.Add(1) <= 4 {
				return errDatabase
			}
			return s.Apply(ctx, tenant, chunks, keys, decide)
		}}
	}))
	b.start(t)
	var tasks []muster.ID
	for i := range 10 {
		tasks = append(tasks, b.submitTask(t, federated(muster.ActionCreate, "account"), federated(muster.ActionUpdate, "account"), federated(muster.ActionDisable, fmt.Sprintf("nobody%d", i))))
	}
	for i, task := range tasks {
		want := "exists,,not-found"
		if i == 0 {
			want = ",,not-found"
		}
		if got := reasons(b.task(t, task)); got != want {
			t.Errorf("task %d ends with %q, want %q", i, got, want)
		}
	}
}
