package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/store/sqlite"
)

// While another process holds the database, both contracts refuse what they would have to store, with 503 in their own
// form and a time to come back; what is only read is answered; /readyz names the database. After that all is as before.
func TestALockedDatabase(t *testing.T) {
	t.Parallel()
	s := startedServer(t, func(o *serverOptions) { o.busy = time.Millisecond })
	call := &federatedCalls{server: s}
	call.token = valueIn(t, call.logIn(t), "AccessToken")
	task := valueIn(t, call.create(t), "taskId")
	unlock := lockDatabase(t, s.options.dir)

	const sentence = "The request cannot be taken now. The database cannot be used now: send the request again."
	for name, c := range map[string]struct {
		call func(*testing.T) *client.Response
		want string
	}{
		"tokenByAkSk":          {call.logIn, fmt.Sprintf(`{"resultCode":"503","resultMessage":%q}`, sentence)},
		"createTask":           {call.create, fmt.Sprintf(`{"resultCode":"503","resultMessage":%q}`, sentence)},
		"batchRegister/create": {s.createBatch, fmt.Sprintf(`{"code":503,"msg":%q}`, sentence)},
	} {
		if a := c.call(t); a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "5" || string(a.Body) != c.want {
			t.Errorf("%s: %d, after %q, %s", name, a.Status, a.Header.Get("Retry-After"), a.Body)
		}
	}
	if a := call.query(t, task); a.Status != http.StatusOK {
		t.Errorf("queryTask: %d %s", a.Status, a.Body)
	}
	ready, err := http.Get(s.url() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	if a := responseOf(t, ready); a.Status != http.StatusServiceUnavailable || !strings.Contains(string(a.Body), `"database"`) {
		t.Errorf("/readyz: %d %s", a.Status, a.Body)
	}

	unlock()
	for name, again := range map[string]func(*testing.T) *client.Response{"createTask": call.create, "batchRegister/create": s.createBatch} {
		if a := again(t); a.Status != http.StatusOK {
			t.Errorf("%s after the lock: %d %s", name, a.Status, a.Body)
		}
	}
	for { // there is no signal for the end of a task: callers poll
		if answer := string(call.query(t, task).Body); strings.Contains(answer, `"DONE"`) {
			if !strings.Contains(answer, `"failDataList":[]`) {
				t.Errorf("the task of before the lock: %s", answer)
			}
			return
		}
	}
}

// lockDatabase has another connection, as of another process, hold the database until the function it gives is called.
func lockDatabase(t *testing.T, dir string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "PRAGMA busy_timeout(10000); BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := db.Close(); err != nil { // which ends the transaction
			t.Error(err)
		}
	}
}

// createBatch provisions one user, signed.
func (s *server) createBatch(t *testing.T) *client.Response {
	t.Helper()
	a, err := s.caller(t, s.url()).Do(t.Context(), client.Request{
		Method: http.MethodPost, Target: "/koodrive/ose/v1/user/batchRegister/create",
		Body: []byte(`{"userList":[{"firstname":"Ada","phone":"12345678"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// federatedCalls is a client of federated user management.
type federatedCalls struct {
	*server
	token string // "" before it has one
}

func (c *federatedCalls) logIn(t *testing.T) *client.Response {
	t.Helper()
	return c.post(t, "/apigovernance/api/oauth/tokenByAkSk", fmt.Sprintf(`{"app_key":%q,"app_secret":%q}`, c.first.AppID, c.first.AppSecret))
}

func (c *federatedCalls) create(t *testing.T) *client.Response {
	t.Helper()
	return c.post(t, "/apiaccess/rest/cc-management/v1/federationUserMgmt/createTask",
		`{"federationUserList":[{"action":"CREATE","userAccount":"adalovelace","userName":"Ada","email":"ada@example.org"}]}`)
}

func (c *federatedCalls) query(t *testing.T, task string) *client.Response {
	t.Helper()
	return c.post(t, "/apiaccess/rest/cc-management/v1/federationUserMgmt/queryTask", `{"taskId":"`+task+`"}`)
}

func (c *federatedCalls) post(t *testing.T, path, body string) *client.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-App-Key", c.first.AppID)
	r.Header.Set("Authorization", "Bearer "+c.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return responseOf(t, answer)
}

func responseOf(t *testing.T, r *http.Response) *client.Response {
	t.Helper()
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &client.Response{Status: r.StatusCode, Header: r.Header, Body: body}
}

// valueIn is a text of an answer that has to have it.
func valueIn(t *testing.T, a *client.Response, name string) string {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(a.Body, &fields); err != nil {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	value, _ := fields[name].(string)
	if value == "" {
		t.Fatalf("%d %s: no %s", a.Status, a.Body, name)
	}
	return value
}
