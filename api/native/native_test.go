package native_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
	"muster/api/native"
	"muster/directory"
	"muster/provision"
	"muster/secret"
	"muster/store/sqlite"
	"muster/store/sqlite/sqlitetest"
	"muster/webhook"
)

// installation serves the API over a database of its own.
type installation struct {
	t       *testing.T
	config  native.Config
	handler http.Handler
	store   *sqlite.Store
	log     *bytes.Buffer
	dir     string
}

func setup(t *testing.T) *installation {
	t.Helper()
	dir := t.TempDir()
	if err := sqlitetest.Make(dir); err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	keys, err := secret.Open(t.Context(), secret.Config{Master: filepath.Join(dir, "master.key")}, store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	ids, err := muster.NewIDSource(0, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	in := &installation{t: t, store: store, log: new(bytes.Buffer), dir: dir}
	direct := provision.Direct{Store: store, Now: time.Now}
	in.config = native.Config{
		Access:   &access.Service{Store: store, Directory: direct, Keyring: keys, IDs: ids, Now: time.Now},
		Roles:    &access.Roles{Store: store, IDs: ids, Now: time.Now},
		Keys:     keys,
		Audit:    store,
		Webhooks: &webhook.Service{Store: store, Keyring: keys, IDs: ids, Now: time.Now},
		Sealed:   store,
		Logger:   slog.New(slog.NewTextHandler(in.log, nil)),
		Version:  "test",

		Departments: &directory.Departments{Store: store, IDs: ids, Now: time.Now},
		Users:       &directory.Users{Store: store, Changer: direct, IDs: ids, Hash: hashNothing},

		Federation: &access.Federation{Store: store, Keyring: keys, Check: noWrongCondition},
		Trier:      echo{},

		UserReader: store,
		LinkAddress: func(tenant muster.ID, secret string) string {
			return "https://muster.example/" + tenant.String() + "/" + secret
		},
	}
	in.handler = native.New(in.config)
	return in
}

func (in *installation) send(method, path, body string) *http.Response {
	in.t.Helper()
	req := httptest.NewRequestWithContext(in.t.Context(), method, native.Prefix+path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	in.handler.ServeHTTP(w, req)
	return w.Result()
}

// call wants a status and reads the answer.
func call[T any](in *installation, status int, method, path, body string) T {
	in.t.Helper()
	var answer T
	r := in.send(method, path, body)
	text, err := io.ReadAll(r.Body)
	if err != nil {
		in.t.Fatal(err)
	}
	if r.StatusCode != status {
		in.t.Fatalf("%s %s: %d %s, want %d", method, path, r.StatusCode, text, status)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		in.t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	return answer
}

func TestTheLifeOfATenant(t *testing.T) {
	t.Parallel()
	in := setup(t)
	made := call[native.Tenant](in, 201, "POST", "/tenants",
		`{"name":"acme","host":"Acme.Example.org","adminUserId":"1505084218764547200","settings":{"phoneRegion":"DE","userLimit":5}}`)
	if len(made.Administrators) != 1 || made.Administrators[0].ID != 1505084218764547200 {
		t.Errorf("administrators %v, want the one brought along", made.Administrators)
	}
	path := "/tenants/" + made.ID.String()
	made.Usage = &native.Usage{Users: 1}
	if read := call[native.Tenant](in, 200, "GET", path, ""); !cmp.Equal(made, read) {
		t.Errorf("read (-made +read):\n%s", cmp.Diff(made, read))
	}
	changed := call[native.Tenant](in, 200, "PATCH", path, `{"settings":{"uniqueEmail":true,"userLimit":0,"password":{"minLength":12}}}`)
	want := muster.TenantSettings{PhoneRegion: "DE", UniqueEmail: true, Password: muster.PasswordRule{MinLength: 12}}
	if diff := cmp.Diff(want, changed.Settings); diff != "" || changed.Name != "acme" {
		t.Errorf("%s changed (-want +got):\n%s", changed.Name, diff)
	}
	call[native.Tenant](in, 200, "PATCH", path, `{"name":"Acme & Co."}`)
	if made.Host != "acme.example.org" || changed.Host != made.Host {
		t.Errorf("made at host %q, then at %q", made.Host, changed.Host)
	}
	if gone := call[native.Tenant](in, 200, "PATCH", path, `{"host":""}`); gone.Host != "" {
		t.Errorf("its host is still %q", gone.Host)
	}
	if list := call[native.Tenants](in, 200, "GET", "/tenants?name=Acme%20%26%20Co.", ""); len(list.Tenants) != 1 || list.Tenants[0].ID != made.ID {
		t.Errorf("found %v", list)
	}
	if list := call[native.Tenants](in, 200, "GET", "/tenants?name=acme", ""); len(list.Tenants) != 0 {
		t.Errorf("found %v under the old name", list)
	}
}

func TestTheLifeOfACredential(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	all := "/tenants/" + tenant.ID.String() + "/credentials"
	made := call[native.Credential](in, 201, "POST", all, `{"name":"sync"}`)
	brought := call[native.Credential](in, 201, "POST", all, `{"appId":"theirs","secret":"a secret of theirs"}`)
	if made.Secret == "" || brought.Secret != "" || brought.AppID != "theirs" {
		t.Errorf("made %q; brought %q, want its secret untold", made.AppID, brought.AppID)
	}
	rotated := call[native.Credential](in, 200, "POST", all+"/"+made.AppID+"/rotate", `{"overlap":"90m"}`)
	if rotated.Secret == "" || rotated.Secret == made.Secret || len(rotated.Secrets) != 2 {
		t.Fatalf("rotated to %d secrets, one of them new: %t", len(rotated.Secrets), rotated.Secret != made.Secret)
	}
	if life := rotated.Secrets[1].ExpiresAt.Sub(rotated.Secrets[0].CreatedAt); life != 90*time.Minute {
		t.Errorf("the old secret lives on for %s, want 90m", life)
	}
	byDefault := call[native.Credential](in, 200, "POST", all+"/theirs/rotate", `{}`)
	if life := byDefault.Secrets[1].ExpiresAt.Sub(byDefault.Secrets[0].CreatedAt); life != access.DefaultOverlap {
		t.Errorf("the old secret lives on for %s, want %s", life, access.DefaultOverlap)
	}
	if c := call[native.Credential](in, 200, "PATCH", all+"/theirs", `{"disabled":true}`); !c.Disabled {
		t.Error("not disabled")
	}
	text, err := io.ReadAll(in.send("GET", all, "").Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{made.Secret, rotated.Secret, "a secret of theirs"} {
		if strings.Contains(string(text), s) {
			t.Error("the list tells a secret")
		}
	}
	var list native.Credentials
	if err := json.Unmarshal(text, &list); err != nil || len(list.Credentials) != 2 {
		t.Errorf("list %s, %v", text, err)
	}
}

func TestKeysAreRotated(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	call[native.Credential](in, 201, "POST", "/tenants/"+tenant.ID.String()+"/credentials", `{}`)
	before := call[secret.Status](in, 200, "GET", "/keys", "")
	done := call[native.KeysRotated](in, 200, "POST", "/keys/rotate", `{}`)
	if want := (native.KeysRotated{ActiveVersion: 2, Rewrapped: 1, Deleted: []int{1}}); !cmp.Equal(want, done) {
		t.Errorf("rotated (-want +got):\n%s", cmp.Diff(want, done))
	}
	call[native.KeysRotated](in, 200, "POST", "/keys/rotate", `{"master":true}`)
	after := call[secret.Status](in, 200, "GET", "/keys", "")
	if before.MasterID == after.MasterID || after.ActiveVersion != 3 || after.Unfinished {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// sealedMeanwhile are keys under the older of which another server seals while they are rotated.
type sealedMeanwhile struct{ native.Keys }

func (sealedMeanwhile) Rotate(context.Context, secret.Rewrapper) (secret.Rotation, error) {
	return secret.Rotation{Active: 3, Rewrapped: 5, Deleted: []int{1}, Kept: []int{2}}, fmt.Errorf("version 2 stays: %w", secret.ErrKeyInUse)
}

func TestAKeyStaysWhileAnotherServerSealsUnderIt(t *testing.T) {
	t.Parallel()
	in := setup(t)
	in.config.Keys = sealedMeanwhile{in.config.Keys}
	in.handler = native.New(in.config)
	done := call[native.KeysRotated](in, 200, "POST", "/keys/rotate", `{}`)
	if want := (native.KeysRotated{ActiveVersion: 3, Rewrapped: 5, Deleted: []int{1}, Kept: []int{2}}); !cmp.Equal(want, done) {
		t.Errorf("rotated (-want +got):\n%s", cmp.Diff(want, done))
	}
}

func TestRefusalsAreProblems(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	one := "/tenants/" + tenant.ID.String()
	tests := map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"a name taken":              {"POST", "/tenants", `{"name":"acme"}`, 409, "name"},
		"no name":                   {"POST", "/tenants", `{"name":""}`, 422, "name must be 1 to 64"},
		"an id as a number":         {"POST", "/tenants", `{"name":"x","id":1505084218764547200}`, 422, "body.id"},
		"an id of the future":       {"POST", "/tenants", `{"name":"x","id":"9000000000000000000"}`, 422, "id must be an id of the past"},
		"an unknown field":          {"POST", "/tenants", `{"name":"x","colour":"red"}`, 422, "colour"},
		"an unknown parameter":      {"GET", "/tenants?title=x", "", 422, "title"},
		"no JSON":                   {"POST", "/tenants", `{"name"`, 400, "unexpected end"},
		"a body too large":          {"POST", "/tenants", `{"name":"` + strings.Repeat("x", 70_000) + `"}`, 413, "too large"},
		"a region that is none":     {"PATCH", one, `{"settings":{"phoneRegion":"XX"}}`, 422, "two capital letters"},
		"an unknown tenant":         {"GET", "/tenants/5", "", 404, "does not exist"},
		"credentials of an unknown": {"GET", "/tenants/5/credentials", "", 404, "does not exist"},
		"a tenant that is no id":    {"GET", "/tenants/acme", "", 422, "path.tenant"},
		"an id beyond 63 bits":      {"GET", "/tenants/9999999999999999999", "", 422, "9223372036854775807"},
		"an unknown credential":     {"POST", one + "/credentials/nobody/rotate", `{}`, 404, "does not exist"},
		"an overlap of a word":      {"POST", one + "/credentials/nobody/rotate", `{"overlap":"soon"}`, 422, "duration such as 90m"},
		"an overlap too long":       {"POST", one + "/credentials/nobody/rotate", `{"overlap":"2161h"}`, 422, "2160 hours"},
		"a short secret":            {"POST", one + "/credentials", `{"secret":"1234567"}`, 422, "secret must be 8 to 256"},
		"nothing to change":         {"PATCH", one + "/credentials/nobody", `{}`, 422, "disabled and scopes are accepted"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := in.send(tt.method, tt.path, tt.body)
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			var problem struct {
				Status int    `json:"status"`
				Title  string `json:"title"`
			}
			if err := json.Unmarshal(text, &problem); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			if r.StatusCode != tt.status || problem.Status != tt.status || !strings.Contains(string(text), tt.want) {
				t.Errorf("%d %s, want %d with %q", r.StatusCode, text, tt.status, tt.want)
			}
			if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %s (RFC 9457, section 3)", got)
			}
		})
	}
}

// The cause of an internal error is for the log.
func TestTroubleIsNotTold(t *testing.T) {
	t.Parallel()
	in := setup(t)
	if err := in.store.Close(); err != nil {
		t.Fatal(err)
	}
	r := in.send("GET", "/tenants", "")
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusInternalServerError || strings.Contains(string(text), "sql") {
		t.Errorf("%d %s, want 500 without the cause", r.StatusCode, text)
	}
	if !strings.Contains(in.log.String(), "sql") {
		t.Errorf("the log lacks the cause: %s", in.log)
	}
}

// TestDescription compares the OpenAPI description with the one that was agreed to; MUSTER_UPDATE=1 agrees to a new one.
func TestDescription(t *testing.T) {
	t.Parallel()
	in := setup(t)
	text, err := io.ReadAll(in.send("GET", "/openapi.json", "").Body)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	const golden = "testdata/openapi.json"
	if os.Getenv("MUSTER_UPDATE") != "" {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(golden, got.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the description changed (-agreed +now):\n%s", diff)
	}
}

// hashNothing stands in for the hash of a password, which is not what is tested here.
func hashNothing(context.Context, []byte) (string, error) { return "$hash$", nil }
