package native_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/access"
	"muster/api/native"
	"muster/password"
	"muster/provision"
	"muster/secret"
)

// provisioning is an installation with an engine that stands still until it is started.
type provisioning struct {
	*installation
	engine *provision.Engine
	pool   *password.Pool
}

func setupProvisioning(t *testing.T) *provisioning {
	t.Helper()
	in := setup(t)
	pool, err := password.NewPool(password.Hasher{Params: password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	engine, err := provision.New(provision.Config{
		Store: in.store, Keyring: in.config.Access.Keyring.(*secret.Keyring), Hasher: pool, IDs: in.config.Access.IDs,
		Dispatcher: provision.NewLocal(2), Now: time.Now, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	in.config.Engine, in.config.Batches = engine, in.store
	in.config.Passwords = &access.Activations{Store: in.store, Keyring: in.config.Access.Keyring.(*secret.Keyring), Hasher: pool}
	in.handler = native.New(in.config)
	return &provisioning{installation: in, engine: engine, pool: pool}
}

func (p *provisioning) start() {
	p.t.Helper()
	if err := p.engine.Start(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := p.engine.Stop(context.Background()); err != nil {
			p.t.Error(err)
		}
	})
}

func (p *provisioning) tenant(settings string) string {
	p.t.Helper()
	t := call[native.Tenant](p.installation, 201, "POST", "/tenants", `{"name":"acme","settings":`+settings+`}`)
	return "/tenants/" + t.ID.String()
}

// rows waits for all outcomes of a batch, page by page.
func (p *provisioning) rows(path string, limit int) []native.BatchOutcome {
	p.t.Helper()
	var rows []native.BatchOutcome
	for from := 1; ; {
		page := call[native.BatchRows](p.installation, 200, "GET", fmt.Sprintf("%s/rows?from=%d&limit=%d", path, from, limit), "")
		rows = append(rows, page.Rows...)
		if page.Next == 0 {
			return rows
		}
		if from = page.Next; len(page.Rows) == 0 {
			p.yield()
		}
	}
}

func (p *provisioning) yield() {
	p.t.Helper()
	timer := time.NewTimer(time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.t.Context().Done():
		p.t.Fatal("the test ended before the batch did")
	}
}

func TestTheLifeOfABatch(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	tenant := p.tenant(`{"personalSpaceGB":10}`)
	r := p.send("POST", tenant+"/batches", `{"operation":"create","match":"account","rows":[
		{"account":"ann","firstName":"Ann","surname":"Smith","adminLevel":0,"capacityGB":7,"password":"Correct-Horse7"},
		{"account":"bo","displayName":"Bo","capacityGB":4,"phone":null,"roleIds":null,"adminLevel":null},
		{"account":"ANN","firstName":"Ann"},
		{"account":"cy","firstName":"Cy","email":"cy@example.org","allocateCapacity":true,"capacityGB":3}]}`)
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusAccepted {
		t.Fatalf("submitting: %d %s, %v", r.StatusCode, text, err)
	}
	var batch native.Batch
	if err := json.Unmarshal(text, &batch); err != nil {
		t.Fatal(err)
	}
	path := tenant + "/batches/" + batch.ID.String()
	if want := native.Prefix + path; r.Header.Get("Location") != want {
		t.Errorf("it is at %s, want %s", r.Header.Get("Location"), want)
	}
	waiting := native.Batch{ID: batch.ID, Contract: "native", Mode: "run", State: "waiting", Total: 4, AcceptedAt: batch.AcceptedAt}
	if diff := cmp.Diff(waiting, batch); diff != "" || batch.AcceptedAt.IsZero() {
		t.Errorf("accepted at %s (-want +got):\n%s", batch.AcceptedAt, diff)
	}
	if page := call[native.BatchRows](p.installation, 200, "GET", path+"/rows", ""); len(page.Rows) > 0 || page.Next != 1 {
		t.Errorf("rows before the engine runs: %+v", page)
	}

	p.start()
	want := []native.BatchOutcome{
		{Row: 1, Result: "succeeded", Effect: "created", Subject: "ann"},
		{Row: 2, Result: "failed", Subject: "bo", Reason: "no-capacity", Field: "capacityGB", Detail: "The tenant's personal space has less left than the capacity asked for."},
		{Row: 3, Result: "skipped", Subject: "ANN", Reason: "exists", Detail: "The user already exists."},
		{Row: 4, Result: "succeeded", Effect: "created", Subject: "cy"},
	}
	rows := p.rows(path, 3)
	if diff := cmp.Diff(want, rows, cmpopts.IgnoreFields(native.BatchOutcome{}, "User")); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if rows[2].User != rows[0].User || rows[0].User == 0 || rows[1].User != 0 {
		t.Errorf("users %s, %s and %s, want the first found again, and none made of the second", rows[0].User, rows[1].User, rows[2].User)
	}
	done := call[native.Batch](p.installation, 200, "GET", path, "")
	finished := native.Batch{ID: batch.ID, Contract: "native", Mode: "run", State: string(muster.StateFinished), Total: 4, Succeeded: 2, Failed: 1, Skipped: 1}
	if diff := cmp.Diff(finished, done, cmpopts.IgnoreTypes(time.Time{})); diff != "" || done.FinishedAt.IsZero() {
		t.Errorf("finished at %s (-want +got):\n%s", done.FinishedAt, diff)
	}
	id, err := muster.ParseID(strings.TrimPrefix(tenant, "/tenants/"))
	if err != nil {
		t.Fatal(err)
	}
	ann, err := p.store.User(t.Context(), id, rows[0].User)
	if err != nil {
		t.Fatal(err)
	}
	if ann.Surname != "Smith" || ann.Level != muster.LevelDepartmentAdmin || ann.CapacityGB != 7 || ann.PasswordHash == "" {
		t.Errorf("the user is %+v", ann)
	}
}

// Fields that break a rule, and what the directory does not allow, fail their rows alone.
func TestRowsThatFail(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	tenant := p.tenant(`{"userLimit":3}`)
	id, err := muster.ParseID(strings.TrimPrefix(tenant, "/tenants/"))
	if err != nil {
		t.Fatal(err)
	}
	made, err := p.config.Departments.Import(t.Context(), id, muster.Actor{Level: muster.LevelSystemAdmin}, []string{"Sales/North", "Works/North"})
	if err != nil {
		t.Fatal(err)
	}
	sales := made[0].Department
	tests := []struct{ row, reason, field, detail string }{
		{`{"phone":"+27100000001","firstName":"Ann","department":"Sales/North"}`, "", "", ""},
		{`{"phone":"+27100000001","firstName":"Ann"}`, "exists", "", "already exists"},
		{`{"firstName":"Ann"}`, "invalid", "phone", "missing"},
		{`{"phone":"+27100000002"}`, "invalid", "firstName", "displayName"},
		{`{"phone":"+27100000002","firstName":"Ann","department":"North"}`, "department-ambiguous", "department", `"North"`},
		{`{"phone":"+27100000002","firstName":"Ann","department":"Sales/South"}`, "department-not-found", "department", `"Sales/South"`},
		{`{"phone":"+27100000002","firstName":"Ann","department":"Sales//North"}`, "department-not-found", "department", `"Sales//North"`},
		{`{"phone":"+27100000002","firstName":"Ann","capacityGB":1}`, "no-capacity", "capacityGB", "less left"},
		{`{"phone":"+27100000002","firstName":"Ann","capacityGB":-1}`, "invalid", "capacityGB", "from 1 to 1048576"},
		{`{"phone":"+27100000002","firstName":"Ann","capacityGB":1,"allocateCapacity":false}`, "invalid", "capacityGB", "0 where no capacity"},
		{`{"phone":"+27100000002","firstName":"Ann","allocateCapacity":true}`, "invalid", "capacityGB", "from 1 to 1048576"},
		{`{"phone":"+27100000002","firstName":"Ann","adminLevel":3}`, "invalid", "adminLevel", "0, 1, 2 and 5"},
		{`{"phone":"+27100000002","firstName":"Ann","adminLevel":258}`, "invalid", "adminLevel", "0, 1, 2 and 5"},
		{`{"phone":"+27100000002","firstName":"Ann","adminLevel":-254}`, "invalid", "adminLevel", "0, 1, 2 and 5"},
		{`{"phone":"+27100000002","firstName":"Ann","roleIds":["77"]}`, "role-not-found", "roleIds", "no role 77"},
		{`{"phone":"+27100000002","firstName":"Ann","roleIds":["reader"]}`, "invalid", "roleIds", "Ids of roles"},
		{`{"phone":"+27100000002","firstName":"Ann","password":"short"}`, "invalid", "password", "8 to 128"},
		{`{"phone":"+27100000002","firstName":"Ann","passwordHash":"Correct-Horse7"}`, "invalid", "passwordHash", "not a supported password hash: want bcrypt"},
		{`{"phone":"+27100000002","firstName":"Ann","passwordHash":"$2b$14$` + strings.Repeat(".", 53) + `"}`, "invalid", "passwordHash", "bcrypt: cost 14, want 4 to 13."},
		{`{"phone":"+27100000002","firstName":"Ann","password":"Correct-Horse7","passwordHash":"{SHA}qYJ5ut8QVLHjqaLH6gnFbKTeuYM="}`, "invalid", "passwordHash", "instead of a password"},
		{`{"phone":"+27100000002","firstName":"Ann","department":" Works / North ","allocateCapacity":false}`, "", "", ""},
		{`{"phone":"+27100000003","firstName":"Ann"}`, "no-seat", "", "user limit"},
	}
	var list []string
	for _, tt := range tests {
		list = append(list, tt.row)
	}
	body := `{"operation":"create","match":"phone","rows":[` + strings.Join(list, ",") + `]}`
	batch := call[native.Batch](p.installation, 202, "POST", tenant+"/batches", body)
	for i, got := range p.rows(tenant+"/batches/"+batch.ID.String(), 1000) {
		want := tests[i]
		if got.Reason != want.reason || got.Field != want.field || !strings.Contains(got.Detail, want.detail) {
			t.Errorf("%s: %+v, want reason %q, field %q and %q", want.row, got, want.reason, want.field, want.detail)
		}
	}

	// The batch's department is where others lead on from, and an existing user is a failure if that is asked for.
	body = `{"operation":"create","match":"phone","onExisting":"fail","departmentId":"` + sales.String() + `","rows":[
		{"phone":"+27100000009","firstName":"Ann","department":"Works"},{"phone":"+27100000001","firstName":"Ann"}]}`
	batch = call[native.Batch](p.installation, 202, "POST", tenant+"/batches", body)
	rows := p.rows(tenant+"/batches/"+batch.ID.String(), 1000)
	if rows[0].Reason != "department-not-found" || rows[1].Result != "failed" || rows[1].Reason != "exists" {
		t.Errorf("outcomes %+v", rows)
	}
}

// TestImportedHashes are those of their users, are told nowhere, and take no hashing.
func TestImportedHashes(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	tenant := p.tenant(`{}`)
	id, err := muster.ParseID(strings.TrimPrefix(tenant, "/tenants/"))
	if err != nil {
		t.Fatal(err)
	}
	const sum = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	batch := call[native.Batch](p.installation, 202, "POST", tenant+"/batches", `{"operation":"create","match":"account","rows":[
		{"account":"ann","firstName":"Ann","passwordHash":"pbkdf2_sha256$1500$salt$`+sum+`="},
		{"account":"bo","firstName":"Bo","passwordHash":null},
		{"account":"ann","firstName":"Ann","passwordHash":"$pbkdf2-sha256$1500$c2FsdA$`+sum+`"},
		{"account":"cy","firstName":"Cy","passwordHash":"$pbkdf2-sha256$9000000$c2FsdA$`+sum+`"}]}`)
	rows := p.rows(tenant+"/batches/"+batch.ID.String(), 1000)
	for i, want := range []string{"succeeded", "succeeded", "skipped", "failed"} {
		if rows[i].Result != want || strings.Contains(fmt.Sprint(rows[i]), sum) {
			t.Errorf("row %d: %+v, want it %s", i, rows[i], want)
		}
	}
	for i, want := range []string{"$pbkdf2-sha256$i=1500$c2FsdA$" + sum, ""} {
		if u, err := p.store.User(t.Context(), id, rows[i].User); err != nil || u.PasswordHash != want {
			t.Errorf("row %d: got %+v, %v, want the hash %s", i, u, err, want)
		}
	}
	if s := p.pool.Stats(); s.Bulk.Hashed != 0 {
		t.Errorf("%d passwords were hashed", s.Bulk.Hashed)
	}
	_, failures, err := p.engine.Failures(t.Context(), id, batch.ID, muster.ContractNative, 0, 10)
	if err != nil || len(failures) != 2 {
		t.Fatalf("%d failures, %v", len(failures), err)
	}
	if text := fmt.Sprintf("%+v", failures) + p.log.String(); strings.Contains(text, sum) {
		t.Errorf("a hash is in %s", text)
	}
}

func TestUsersAreMatchedByEmail(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	tenant := p.tenant(`{"uniqueEmail":true}`)
	batch := call[native.Batch](p.installation, 202, "POST", tenant+"/batches", `{"operation":"create","match":"email","rows":[
		{"email":"Ann@example.org","firstName":"Ann","account":"ann"},{"email":"ann@Example.org","firstName":"Ann"},
		{"email":"bo@example.org","firstName":"Bo","account":"ANN"},{"account":"cy","firstName":"Cy"}]}`)
	want := []native.BatchOutcome{
		{Row: 1, Result: "succeeded", Effect: "created", Subject: "Ann@example.org"},
		{Row: 2, Result: "skipped", Subject: "ann@Example.org", Reason: "exists", Detail: "The user already exists."},
		{Row: 3, Result: "failed", Subject: "bo@example.org", Reason: "conflict", Field: "account", Detail: "The account is held by another user."},
		{Row: 4, Result: "failed", Reason: "invalid", Field: "email", Detail: "It is missing, and is what tells who is meant."},
	}
	rows := p.rows(tenant+"/batches/"+batch.ID.String(), 1000)
	if diff := cmp.Diff(want, rows, cmpopts.IgnoreFields(native.BatchOutcome{}, "User")); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestABatchIsSentAgain(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	path := p.tenant(`{}`) + "/batches"
	send := func(key, account string) (int, muster.ID) {
		body := `{"operation":"create","match":"account","rows":[{"account":"` + account + `","firstName":"Ann"}]}`
		req := httptest.NewRequestWithContext(t.Context(), "POST", native.Prefix+path, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		if key != "" {
			req.Header.Set("Idempotency-Key", key)
		}
		w := httptest.NewRecorder()
		p.handler.ServeHTTP(w, req)
		var batch native.Batch
		if err := json.Unmarshal(w.Body.Bytes(), &batch); err != nil {
			t.Fatal(err)
		}
		return w.Code, batch.ID
	}
	_, first := send("k1", "ann")
	for name, c := range map[string]struct {
		key, account string
		status       int
		same         bool
	}{
		"the very same":          {"k1", "ann", 202, true},
		"with another body":      {"k1", "bo", 409, false},
		"with another key":       {"k2", "ann", 202, false},
		"without a key":          {"", "ann", 202, false},
		"a key with a space":     {"k 1", "ann", 422, false},
		"a key of 256 letters":   {strings.Repeat("k", 256), "ann", 422, false},
		"a key of 255 letters":   {strings.Repeat("k", 255), "ann", 202, false},
		"a key beyond ASCII":     {"schlüssel", "ann", 422, false},
		"a key with punctuation": {`"k1"`, "ann", 202, false},
	} {
		if status, id := send(c.key, c.account); status != c.status || (id == first) != c.same {
			t.Errorf("%s: status %d and batch %s, want %d; the first is %s", name, status, id, c.status, first)
		}
	}
}

func TestBatchesThatAreRefused(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	tenant := p.tenant(`{}`)
	row := `{"account":"ann","firstName":"Ann"}`
	body := func(rest string) string { return `{"operation":"create","match":"account",` + rest + `}` }
	many := func(n int) string {
		return body(`"rows":[` + strings.TrimSuffix(strings.Repeat(row+",", n), ",") + `]`)
	}
	tests := map[string]struct {
		path, body string
		status     int
		want       string
	}{
		"another operation":        {tenant, `{"operation":"erase","match":"account","rows":[` + row + `]}`, 422, "body.operation"},
		"no operation":             {tenant, `{"match":"account","rows":[{"account":"ann","operation":"delete"},` + row + `]}`, 422, "rows[1].operation"},
		"a row's of another kind":  {tenant, body(`"rows":[{"account":"ann","operation":"erase"}]`), 422, "rows[0].operation"},
		"a name as key":            {tenant, `{"operation":"create","match":"surname","rows":[` + row + `]}`, 422, "body.match"},
		"no match":                 {tenant, `{"operation":"create","rows":[` + row + `]}`, 422, "match"},
		"an e-mail that is no key": {tenant, `{"operation":"create","match":"email","rows":[` + row + `]}`, 422, "uniqueEmail"},
		"to skip who is updated":   {tenant, `{"operation":"upsert","match":"account","onExisting":"skip","rows":[` + row + `]}`, 422, "onExisting must be update"},
		"to erase the existing":    {tenant, body(`"onExisting":"erase","rows":[` + row + `]`), 422, "body.onExisting"},
		"an unknown field to set":  {tenant, body(`"updateFields":["shoeSize"],"rows":[` + row + `]`), 422, "updateFields"},
		"a field to take away":     {tenant, body(`"rows":[{"account":"ann","clear":["adminLevel"]}]`), 422, "rows[0].clear"},
		"a status that is none":    {tenant, body(`"rows":[{"account":"ann","status":"gone"}]`), 422, "rows[0].status"},
		"a name of 256 letters":    {tenant, body(`"name":"` + strings.Repeat("n", 256) + `","rows":[` + row + `]`), 422, "body.name"},
		"no rows":                  {tenant, body(`"rows":[]`), 422, "rows"},
		"rows of null":             {tenant, body(`"rows":null`), 422, "rows"},
		"10,001 rows":              {tenant, many(10_001), 422, "10000"},
		"a row that is a text":     {tenant, body(`"rows":["ann"]`), 422, "rows[0]"},
		"an unknown field":         {tenant, body(`"rows":[` + row + `,{"acount":"bo"}]`), 422, "rows[1].acount"},
		"a phone that is a number": {tenant, body(`"rows":[{"phone":27100000001}]`), 422, "rows[0].phone"},
		"half a gigabyte":          {tenant, body(`"rows":[{"capacityGB":0.5}]`), 422, "rows[0].capacityGB"},
		"an unknown department":    {tenant, body(`"departmentId":"77","rows":[` + row + `]`), 404, "department"},
		"a department by name":     {tenant, body(`"departmentId":"Sales","rows":[` + row + `]`), 422, "departmentId"},
		"an unknown tenant":        {"/tenants/77", many(1), 404, "tenant"},
		"no JSON":                  {tenant, `{"operation"`, 400, "unexpected end"},
		"17 MiB":                   {tenant, many(1) + strings.Repeat(" ", 16<<20), 413, "too large"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := p.send("POST", tt.path+"/batches", tt.body)
			text, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode != tt.status || !strings.Contains(string(text), tt.want) {
				t.Errorf("%d %.300s, %v; want %d with %q", r.StatusCode, text, err, tt.status, tt.want)
			}
		})
	}
}

func TestAsManyRowsAsABatchMayHave(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	tenant := p.tenant(`{}`)
	body := `{"operation":"create","match":"account","rows":[` + strings.Repeat(`{"account":"ann","firstName":"Ann"},`, native.MaxBatch-1) + `{"account":"bo"}]}`
	batch := call[native.Batch](p.installation, 202, "POST", tenant+"/batches", body)
	if batch.Total != native.MaxBatch {
		t.Errorf("%d rows were accepted", batch.Total)
	}
	if b := call[native.Batch](p.installation, 200, "POST", tenant+"/batches/"+batch.ID.String()+"/cancel", ""); b.State != "cancelling" {
		t.Errorf("cancelled, it is %s", b.State)
	}
	p.start()
	rows := p.rows(tenant+"/batches/"+batch.ID.String(), 1000)
	for i := range rows {
		if rows[i].Row != i+1 || rows[i].Result != "cancelled" {
			t.Fatalf("row %d has the outcome %+v", i, rows[i])
		}
	}
}

// A batch is seen in its own tenant alone, there through whichever contract it came.
func TestBatchesThatAreNotThere(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	tenant := p.tenant(`{}`)
	other := call[native.Tenant](p.installation, 201, "POST", "/tenants", `{"name":"other"}`)
	batch := call[native.Batch](p.installation, 202, "POST", tenant+"/batches", `{"operation":"create","match":"account","rows":[{"account":"ann"}]}`)
	foreign, err := p.engine.Submit(t.Context(), provision.Submission{
		Tenant: other.ID, Contract: muster.ContractKooDrive, Rows: []muster.Row{{Action: muster.ActionCreate}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		tenant + "/batches/77",
		"/tenants/" + other.ID.String() + "/batches/" + batch.ID.String(),
		tenant + "/batches/" + foreign.Batch.String(),
	} {
		call[any](p.installation, 404, "GET", path, "")
		call[any](p.installation, 404, "GET", path+"/rows", "")
	}
	if b := call[native.Batch](p.installation, 200, "GET", "/tenants/"+other.ID.String()+"/batches/"+foreign.Batch.String(), ""); b.Contract != "koodrive" {
		t.Errorf("its contract is %q", b.Contract)
	}
	for _, query := range []string{"limit=0", "limit=1001", "from=0", "from=2000001", "cursor=1", "result=done", "reason=none"} {
		call[any](p.installation, 422, "GET", tenant+"/batches/"+batch.ID.String()+"/rows?"+query, "")
	}
}

func TestRowsArePrintedWithoutTheirFields(t *testing.T) {
	t.Parallel()
	row := native.BatchRow{Account: "ann", Password: "Correct-Horse7"}
	batch := native.NewBatch{Rows: []native.BatchRow{row}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb+verb+verb, row, &row, batch); strings.Contains(text, "ann") || strings.Contains(text, "Horse") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
