package federation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/access"
	"muster/mapping"
	"muster/password"
	"muster/provision"
)

// server is the whole way from an HTTP request to the database and back.
type server struct {
	*bundle
	url string
}

// serve starts an engine, unless it is to stand still, and listens.
func serve(t *testing.T, running bool) *server {
	t.Helper()
	return serveOver(t, running, func(s provision.Store) provision.Store { return s })
}

// serveOver is serve with a store of the test's between the engine and the database.
func serveOver(t *testing.T, running bool, wrap func(provision.Store) provision.Store) *server {
	t.Helper()
	b := &bundle{engine: &engine{}, logs: &lockedBuffer{}}
	b.open(t, time.Now)
	pool, err := password.NewPool(password.Hasher{Params: password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}}, 1)
	must(t, err)
	t.Cleanup(pool.Close)
	e, err := provision.New(provision.Config{
		Store: wrap(b.store), Keyring: b.keyring, Hasher: pool, IDs: b.ids, Dispatcher: provision.NewLocal(2), Now: time.Now,
		Logger: slog.New(slog.NewTextHandler(b.logs, nil)), Registerer: prometheus.NewRegistry(),
	})
	must(t, err)
	if running {
		must(t, e.Start(t.Context()))
		t.Cleanup(func() { must(t, e.Stop(context.Background())) })
	}
	b.handler = b.newHandler(e)
	listener := httptest.NewServer(b.handler)
	t.Cleanup(listener.Close)
	return &server{bundle: b, url: listener.URL}
}

// caller is an application with its token.
type caller struct{ key, token string }

func (s *server) first() caller { return caller{appKey, s.token} }

// post sends a body and gives status and answer. headers are names and values by turns.
func (s *server) post(t *testing.T, c caller, path, body string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	must(t, err)
	r.Header.Set("X-APP-Key", c.key)
	r.Header.Set("Authorization", "Bearer "+c.token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	return read(t, answer)
}

// create makes a task and gives its id.
func (s *server) create(t *testing.T, c caller, body string, headers ...string) string {
	t.Helper()
	_, answer := s.post(t, c, createPath, body, headers...)
	var created struct{ TaskID string }
	must(t, json.Unmarshal([]byte(answer), &created))
	if created.TaskID == "" {
		t.Fatal(answer)
	}
	return created.TaskID
}

// done asks until the task is, and gives the last answer. Each answer holds all failures of those before it.
func (s *server) done(t *testing.T, c caller, task string) string {
	t.Helper()
	before := 0
	for {
		_, answer := s.post(t, c, queryPath, `{"taskId":"`+task+`"}`)
		failures := strings.Count(answer, `"failCode"`)
		if failures < before {
			t.Fatalf("failures went away: %s", answer)
		}
		if before = failures; strings.Contains(answer, `"status":"DONE"`) {
			return answer
		}
		if !strings.Contains(answer, `"status":"TODO"`) && !strings.Contains(answer, `"status":"DOING"`) {
			t.Fatal(answer)
		}
	}
}

func (s *server) user(t *testing.T, account string) *muster.User {
	t.Helper()
	snapshot, err := s.store.Snapshot(t.Context(), s.tenant.ID, muster.Keys{Accounts: []string{mapping.AccountKey(account)}})
	must(t, err)
	if len(snapshot.Users) != 1 {
		t.Fatalf("%d users of account %s", len(snapshot.Users), account)
	}
	return &snapshot.Users[0]
}

const role = muster.ID(1672380646005741634) // of the document's example

func (s *server) addRole(t *testing.T) {
	t.Helper()
	roles := access.Roles{Store: s.store, IDs: s.ids, Now: time.Now}
	_, err := roles.Create(t.Context(), s.tenant.ID, access.NewRole{Name: "Engineer", ID: role})
	must(t, err)
}

// TestTheDocumentsExample, from the token to the directory: create, modify and disable of one account in one list.
func TestTheDocumentsExample(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	s.addRole(t)
	_, answer := s.post(t, caller{}, tokenPath, pairBody)
	found := accessToken.FindStringSubmatch(answer)
	if found == nil {
		t.Fatal(answer)
	}
	c := caller{appKey, found[1]}
	task := s.create(t, c, documented)
	want := `{"failDataList":[],"resultCode":"0","taskInfo":{"remark":"","status":"DONE"},"resultMessage":"The query is successful."}`
	if diff := cmp.Diff(want, s.done(t, c, task)); diff != "" {
		t.Error(diff)
	}
	u := s.user(t, "TEST0616")
	if u.Account != "test0616" || u.DisplayName != "test0616new" || u.Email != "test0616new@huawei.com" || !u.Disabled || !cmp.Equal(u.Roles, []muster.ID{role}) {
		t.Errorf("user = %+v", u)
	}
}

// TestEveryKindOfRow: what fails when it is applied, with the row as it was sent.
func TestEveryKindOfRow(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	s.addRole(t)
	ada := `{"action":"CREATE","userName":"Ada","userAccount":"Ada.Lovelace","email":"ada@example.org","roleIds":["` + role.String() + `"]}`
	rows := []struct{ row, code, message string }{
		{ada, "", ""},
		{strings.ReplaceAll(ada, "Ada.Lovelace", "ADA.lovelace"), "60101000108", "The user already exists."},
		{strings.ReplaceAll(ada, "Ada.Lovelace", "short"), "60101020076", "The length of the account short does not meet the requirements."},
		{
			strings.ReplaceAll(strings.ReplaceAll(ada, "Ada.Lovelace", "grace.hopper"), role.String(), "42"), "60101030013",
			"The transferred role ID 42 does not exist in the database.",
		},
		{
			strings.ReplaceAll(strings.ReplaceAll(ada, "Ada.Lovelace", "grace.hopper"), role.String(), strings.Repeat("1", 40)), "60101030013",
			"The transferred role ID " + strings.Repeat("1", 40) + " does not exist in the database.",
		},
		{`{"action":"MODIFY","userName":"Grace","userAccount":"grace.hopper"}`, "60101060007", "The federated user does not exist."},
		{`{"action":"DISABLE","userAccount":"grace.hopper"}`, "60101060007", "The federated user does not exist."},
		{`{"action":"DISABLE","userAccount":"ada.LOVELACE"}`, "", ""},
		{`{"action":"DISABLE","userAccount":"ada.lovelace"}`, "", ""},
		{`{"action":"MODIFY","userAccount":"ada.lovelace","email":"Countess@Example.org","roleIds":[]}`, "", ""},
		{ada, "60101000108", "The user already exists."},
	}
	list := make([]string, len(rows))
	var failures []string
	for i, r := range rows {
		list[i] = r.row
		if r.code != "" {
			failures = append(failures, `{"federationUser":`+r.row+`,"failCode":"`+r.code+`","failMessage":"`+r.message+`"}`)
		}
	}
	task := s.create(t, s.first(), users(list...))
	want := `{"failDataList":[` + strings.Join(failures, ",") +
		`],"resultCode":"0","taskInfo":{"remark":"","status":"DONE"},"resultMessage":"The query is successful."}`
	if diff := cmp.Diff(want, s.done(t, s.first(), task)); diff != "" {
		t.Error(diff)
	}
	u := s.user(t, "ada.lovelace")
	if u.Account != "Ada.Lovelace" || u.DisplayName != "Ada" || u.Email != "Countess@Example.org" || !u.Disabled || len(u.Roles) != 0 {
		t.Errorf("user = %+v", u)
	}
}

// TestTasksRunInTheOrderOfAcceptance: each of 30 tasks changes what the one before it left.
func TestTasksRunInTheOrderOfAcceptance(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	tasks := []string{s.create(t, s.first(), users(`{"action":"CREATE","userAccount":"test0616","userName":"0","email":"a@b.c"}`))}
	for i := range 29 {
		tasks = append(tasks, s.create(t, s.first(), users(fmt.Sprintf(`{"action":"MODIFY","userAccount":"test0616","userName":"%d"}`, i+1))))
	}
	for _, task := range tasks {
		if answer := s.done(t, s.first(), task); strings.Contains(answer, "failCode") {
			t.Error(answer)
		}
	}
	if u := s.user(t, "test0616"); u.DisplayName != "29" {
		t.Errorf("the last name is %s", u.DisplayName)
	}
}

// TestAWaitingTaskAndItsRepeats: a task that nobody works on yet, and calls that say that they are the same one.
func TestAWaitingTaskAndItsRepeats(t *testing.T) {
	t.Parallel()
	s := serve(t, false)
	_, strangersToken := s.addTenant(t, "second", "stranger")
	stranger := caller{"stranger", strangersToken}
	const name = "Idempotency-Key"
	task := s.create(t, s.first(), documented, name, "order-1")
	_, answer := s.post(t, s.first(), queryPath, `{"taskId":"`+task+`"}`)
	if want := `{"failDataList":[],"resultCode":"0","taskInfo":{"remark":"","status":"TODO"},"resultMessage":"The query is successful."}`; answer != want {
		t.Error(answer)
	}
	for _, key := range []string{"order-1", `"order-1"`} {
		if again := s.create(t, s.first(), documented, name, key); again != task {
			t.Errorf("key %s: task %s, want the first, %s", key, again, task)
		}
	}
	for what, other := range map[string]string{
		"no key":      s.create(t, s.first(), documented),
		"another key": s.create(t, s.first(), documented, name, "order-2"),
		"a stranger":  s.create(t, stranger, documented, name, "order-1"),
	} {
		if other == task {
			t.Errorf("%s gives the same task", what)
		}
	}
	status, answer := s.post(t, s.first(), createPath, users(modifyUser), name, "order-1")
	if status != http.StatusUnprocessableEntity || !strings.HasPrefix(answer, `{"resultCode":"422","resultMessage":"`) {
		t.Errorf("another body: %d %s", status, answer)
	}
	if status, answer := s.post(t, s.first(), createPath, users(), name, "order-3"); status != http.StatusOK || !strings.Contains(answer, "100-102") {
		t.Errorf("%d %s", status, answer)
	}
	s.create(t, s.first(), documented, name, "order-3") // a rejected call used no key up
}

// TestRepeatsAtTheSameTime: one of them makes the task, and all give it, at once or when they ask again as they are told.
func TestRepeatsAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	tasks := make([]string, 16)
	var all sync.WaitGroup
	for i := range tasks {
		all.Go(func() {
			for status := http.StatusConflict; status == http.StatusConflict; {
				status, tasks[i] = s.post(t, s.first(), createPath, documented, "Idempotency-Key", "order-1")
			}
		})
	}
	all.Wait()
	for _, answer := range tasks {
		if answer != tasks[0] || !strings.Contains(answer, "taskId") {
			t.Errorf("%s and %s", answer, tasks[0])
		}
	}
}

// TestTasksOfOthersDoNotExist: unknown, another tenant's, and through another contract are the same bytes.
func TestTasksOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	s := serve(t, false)
	_, token := s.addTenant(t, "second", "stranger")
	task := s.create(t, s.first(), documented)
	native, err := s.submitNative(t)
	must(t, err)
	want := `{"resultCode":"60101040050","resultMessage":"The input parameter taskId is invalid. There is no such task."}`
	for name, tc := range map[string]struct {
		c    caller
		task string
	}{
		"unknown":          {s.first(), "42"},
		"another tenant's": {caller{"stranger", token}, task},
		"another contract": {s.first(), native.String()},
	} {
		if status, answer := s.post(t, tc.c, queryPath, `{"taskId":"`+tc.task+`"}`); status != http.StatusOK || answer != want {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}

// submitNative makes a batch of the tenant through another contract.
func (s *server) submitNative(t *testing.T) (muster.ID, error) {
	t.Helper()
	e, err := provision.New(provision.Config{
		Store: s.store, Keyring: s.keyring, IDs: s.ids, Dispatcher: provision.NewLocal(1), Now: time.Now,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	must(t, err)
	receipt, err := e.Submit(t.Context(), provision.Submission{
		Tenant: s.tenant.ID, Contract: muster.ContractNative, ActorLevel: muster.LevelSystemAdmin,
		Rows: []muster.Row{{Action: muster.ActionCreate, Set: muster.FieldPhone, Phone: "27100000002"}},
	})
	return receipt.Batch, err
}
