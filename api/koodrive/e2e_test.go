package koodrive_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/access"
	"muster/access/signature"
	"muster/client"
	"muster/password"
	"muster/provision"
)

// server is the whole way from a signed HTTP request to the database and back.
type server struct {
	*bundle
	url string
}

// serve starts an engine, unless it is to stand still, and listens.
func serve(t *testing.T, running bool) *server {
	t.Helper()
	b := setupAt(t, time.Now)
	pool, err := password.NewPool(password.Hasher{Params: password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}}, 2)
	must(t, err)
	t.Cleanup(pool.Close)
	logger := slog.New(slog.NewTextHandler(b.logs, nil))
	e, err := provision.New(provision.Config{
		Store: b.store, Keyring: b.keyring, Hasher: pool, IDs: b.ids, Dispatcher: provision.NewLocal(2), Now: time.Now,
		Logger: logger, Registerer: prometheus.NewRegistry(),
	})
	must(t, err)
	if running {
		must(t, e.Start(t.Context()))
		t.Cleanup(func() { must(t, e.Stop(context.Background())) })
	}
	listener := httptest.NewServer(b.newHandler(e, b.store))
	t.Cleanup(listener.Close)
	return &server{bundle: b, url: listener.URL}
}

func (s *server) client(t *testing.T, signer signature.Signer) *client.Client {
	t.Helper()
	c, err := client.New(s.url, client.Credentials{AppID: signer.AppID, Secret: string(signer.Secret), UserID: signer.UserID, Scheme: signer.Scheme})
	must(t, err)
	c.Patience = -1
	return c
}

// call sends a signed request and gives status and body.
func (s *server) call(t *testing.T, signer signature.Signer, method, target, body string) (int, string) {
	t.Helper()
	answer, err := s.client(t, signer).Do(t.Context(), client.Request{Method: method, Target: target, Body: []byte(body)})
	must(t, err)
	return answer.Status, string(answer.Body)
}

func follow(t *testing.T, c *client.Client, task string) []client.Row {
	t.Helper()
	var rows []client.Row
	for row, err := range c.Follow(t.Context(), task) {
		must(t, err)
		rows = append(rows, row)
	}
	return rows
}

// TestTheDocumentsBatch provisions the document's own batch, and again: the second time all rows are skips.
func TestTheDocumentsBatch(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	for _, scheme := range []signature.Scheme{signature.SchemeApp, signature.SchemeSDK} {
		signer := s.signer
		signer.Scheme = scheme
		c := s.client(t, signer)
		users := []client.User{
			{FirstName: "1204", Surname: "1204", Phone: "1884609076404", Email: "1024@12.com", Password: "Q!@1assword"},
			{FirstName: "1205", Surname: "1205", Phone: "1884609076405", Email: "1052@12.com", Password: "paO2*ssword"},
		}
		task, err := c.CreateBatch(t.Context(), users)
		must(t, err)
		rows := follow(t, c, task)
		if len(rows) != 2 || rows[0].ID == rows[1].ID || rows[0].UserID == rows[1].UserID || rows[0].UserID == "" {
			t.Fatalf("rows = %+v", rows)
		}
		for i, r := range rows {
			if scheme == signature.SchemeApp && !r.Succeeded() || scheme == signature.SchemeSDK && !r.Skipped() || r.Phone != users[i].Phone {
				t.Errorf("%s: row %+v", scheme, r)
			}
		}
		done, err := c.Wait(t.Context(), task)
		must(t, err)
		if done.Status != client.Finished || done.Total != 2 || done.Succeeded+done.Skipped != 2 || done.ID != task {
			t.Errorf("task = %+v", done)
		}
	}
}

// TestEveryKindOfRow sends what fails, is skipped and succeeds in one list, and what the engine's normaliser says to it.
func TestEveryKindOfRow(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	long := strings.Repeat("n", 10_000)
	users := []struct{ user, code, reason string }{
		{`{"firstname":"Ada","phone":"+27 10-000 0001"}`, "", ""},
		{`{"firstname":"Ada","phone":"0027100000001"}`, "40000009", "The user already exists."},
		{`{"firstname":"Bob","phone":27100000002}`, "", ""},
		{`{"firstname":"Cyd","phone":2.71E10}`, "13000102", "phone"},
		{`{"firstname":"Dee"}`, "13000102", "phone"},
		{`{"phone":"27100000003"}`, "13000102", "firstname"},
		{`{"firstname":" ","phone":"27100000003"}`, "13000102", "firstname"},
		{`{"firstname":"` + long + `","phone":"27100000003"}`, "13000102", "firstname"},
		{`{"firstname":"\u0007","phone":"27100000003"}`, "13000102", "firstname"},
		{`{"firstname":"\u202etset","phone":"27100000003"}`, "13000102", "firstname"},
		{`{"firstname":"Eve","surname":7,"phone":"27100000003"}`, "13000102", "surname"},
		{`{"firstname":"Eve","phone":"2710"}`, "13000102", "phone"},
		{`{"firstname":"Eve","phone":"27100000003x"}`, "13000102", "phone"},
		{`{"firstname":"Eve","phone":"` + strings.Repeat("1", 21) + `"}`, "13000102", "phone"},
		{`{"firstname":"Eve","phone":"27100000003","email":"no address"}`, "13000102", "email"},
		{`{"firstname":"Eve","phone":"27100000003","password":"short"}`, "13000102", "password"},
		{`{"firstname":"Eve","phone":"27100000003","email":"","password":""}`, "", ""},
	}
	list := make([]string, len(users))
	for i := range users {
		list[i] = users[i].user
	}
	status, body := s.call(t, s.signer, http.MethodPost, createPath, `{"userList":[`+strings.Join(list, ",")+`]}`)
	if status != http.StatusOK {
		t.Fatal(body)
	}
	rows := follow(t, s.client(t, s.signer), strings.Split(body, `"`)[3])
	if len(rows) != len(users) {
		t.Fatalf("%d rows of %d users", len(rows), len(users))
	}
	for i, r := range rows {
		if r.Code != users[i].code || !strings.Contains(r.Reason, users[i].reason) || (r.UserID != "") != (r.Code == "" || r.Skipped()) {
			t.Errorf("%.60s: row %+v", users[i].user, r)
		}
	}
	if rows[1].UserID != rows[0].UserID || rows[0].Phone != "+27 10-000 0001" || rows[2].Phone != "27100000002" {
		t.Errorf("rows = %+v", rows[:3])
	}
}

// TestPages reads a batch in pages of every size: together they are the list, in order.
func TestPages(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	c := s.client(t, s.signer)
	const total = 1000
	users := make([]client.User, total)
	for i := range users {
		users[i] = client.User{FirstName: "A", Phone: fmt.Sprintf("2710000%04d", i)}
	}
	task, err := c.CreateBatch(t.Context(), users)
	must(t, err)
	_, err = c.Wait(t.Context(), task)
	must(t, err)
	for _, size := range []int{0, 1000, 999, 301, 128} {
		seen, cursor := 0, ""
		for pages := 1; ; pages++ {
			page, err := c.Batch(t.Context(), task, cursor, size)
			must(t, err)
			for _, r := range page.Rows {
				if r.Phone != users[seen].Phone {
					t.Fatalf("pages of %d: row %d has phone %s", size, seen, r.Phone)
				}
				seen++
			}
			if cursor = page.Next; cursor == "" {
				if want := (total + max(size, 1) - 1) / max(size, 1); size > 0 && pages != want {
					t.Errorf("pages of %d: %d of them, want %d", size, pages, want)
				}
				break
			}
		}
		if seen != total {
			t.Errorf("pages of %d: %d rows of %d", size, seen, total)
		}
	}
}

// TestAWaitingTaskAndItsRepeat holds a task that nobody works on: its status, and a network's repeat of its request.
func TestAWaitingTaskAndItsRepeat(t *testing.T) {
	t.Parallel()
	s := serve(t, false)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+createPath, nil)
	must(t, err)
	must(t, s.signer.Sign(request, []byte(oneUser), time.Now()))
	send := func() string {
		r := request.Clone(t.Context())
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(oneUser)), int64(len(oneUser))
		answer, err := http.DefaultClient.Do(r)
		must(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		must(t, err)
		return string(body)
	}
	first := send()
	if again := send(); again != first {
		t.Errorf("the repeat gives %s, want %s", again, first)
	}
	id := strings.Split(first, `"`)[3]
	_, body := s.call(t, s.signer, http.MethodGet, getPath+"?taskId="+id, "")
	want := `{"data":{"taskInfo":{"taskId":"` + id + `","status":"0","totalCount":1,"successCount":0,"failCount":0,"skipCount":0},` +
		`"registerList":[],"code":0,"msg":"success"},"code":0,"msg":"Success"}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
}

// TestTasksOfOthersDoNotExist: unknown, another tenant's, and through another contract are the same bytes.
func TestTasksOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	s := serve(t, false)
	_, stranger := s.addTenant(t, "second", "other-client")
	task, err := s.client(t, s.signer).CreateBatch(t.Context(), []client.User{{FirstName: "A", Phone: "27100000001"}})
	must(t, err)
	native := s.nativeBatch(t)
	for name, tc := range map[string]struct {
		signer signature.Signer
		task   string
	}{
		"unknown":          {s.signer, "42"},
		"another tenant's": {stranger, task},
		"another contract": {s.signer, native.String()},
	} {
		status, body := s.call(t, tc.signer, http.MethodGet, getPath+"?taskId="+tc.task, "")
		if want := `{"code":13000309,"msg":"The resource does not exist."}`; status != http.StatusBadRequest || body != want {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, body := s.call(t, s.signer, http.MethodGet, getPath+"?taskId="+task, ""); status != http.StatusOK {
		t.Errorf("its own: %d %s", status, body)
	}
}

// nativeBatch submits a batch of the tenant through another contract.
func (s *server) nativeBatch(t *testing.T) muster.ID {
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
	must(t, err)
	return receipt.Batch
}

// TestAPairBroughtAlong: a client that held its key pair and user id before goes on with another base URL alone.
func TestAPairBroughtAlong(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	const admin = muster.ID(1505084218764547201)
	tenant, _, err := s.access.CreateTenant(t.Context(), access.NewTenant{Name: "moved", AdminID: admin})
	must(t, err)
	_, err = s.access.CreateCredential(t.Context(), tenant.ID, access.NewCredential{AppID: "77b6a44cba5143ab91d1", Secret: "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc"})
	must(t, err)
	c, err := client.New(s.url, client.Credentials{AppID: "77b6a44cba5143ab91d1", Secret: "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc", UserID: admin.String()})
	must(t, err)
	task, err := c.CreateBatch(t.Context(), []client.User{{FirstName: "A", Phone: "27100000001"}})
	must(t, err)
	if rows := follow(t, c, task); len(rows) != 1 || !rows[0].Succeeded() {
		t.Errorf("rows = %+v", rows)
	}
}
