package native_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/access/signature"
	"muster/api/native"
)

// outside is the API as callers from elsewhere see it, over an installation of two tenants.
type outside struct {
	*provisioning
	public        http.Handler
	sessions      *access.Sessions
	tenant, other native.Tenant
}

func setupPublic(t *testing.T) *outside {
	t.Helper()
	o := &outside{provisioning: setupProvisioning(t)}
	o.config.Users.Hash = o.config.Passwords.(*access.Activations).HashNew
	keys := o.config.Access.Keyring
	o.sessions = &access.Sessions{Store: o.store, Keyring: keys.(access.TokenKeyring), Hasher: o.pool, Now: time.Now}
	o.public = native.NewPublic(o.config, native.Authentication{
		Verifier: &access.Verifier{
			Directory: o.store, Keyring: keys, Now: time.Now, Policy: signature.Policy{UserOptional: true}, Leeway: signature.Leeway,
		},
		Sessions: o.sessions,
	})
	o.tenant = call[native.Tenant](o.installation, 201, "POST", "/tenants", `{"name":"acme"}`)
	o.other = call[native.Tenant](o.installation, 201, "POST", "/tenants", `{"name":"other"}`)
	return o
}

func (o *outside) base() string { return "/tenants/" + o.tenant.ID.String() }

// credential makes one with some scopes, all if there are none.
func (o *outside) credential(scopes ...string) signature.Signer {
	o.t.Helper()
	body, err := json.Marshal(native.NewCredential{Scopes: scopes})
	if err != nil {
		o.t.Fatal(err)
	}
	c := call[native.Credential](o.installation, 201, "POST", o.base()+"/credentials", string(body))
	return signature.Signer{AppID: c.AppID, Secret: []byte(c.Secret)}
}

// request makes one of the public side's.
func (o *outside) request(method, path, body string) *http.Request {
	r := httptest.NewRequestWithContext(o.t.Context(), method, native.Prefix+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (o *outside) do(r *http.Request) (status int, header http.Header, body string) {
	o.t.Helper()
	w := httptest.NewRecorder()
	o.public.ServeHTTP(w, r)
	return w.Code, w.Header(), w.Body.String()
}

// signed sends a request that the signer signs.
func (o *outside) signed(s signature.Signer, method, path, body string) (status int, answer string) {
	o.t.Helper()
	r := o.request(method, path, body)
	o.sign(s, r, body)
	status, _, answer = o.do(r)
	return status, answer
}

// sign signs a request for a body, and announces the body's hash.
func (o *outside) sign(s signature.Signer, r *http.Request, body string) {
	o.t.Helper()
	sum := sha256.Sum256([]byte(body))
	r.Header.Set("X-Sdk-Content-Sha256", hex.EncodeToString(sum[:]))
	if err := s.Sign(r, []byte(body), time.Now()); err != nil {
		o.t.Fatal(err)
	}
}

// described is an operation of the public description.
type described struct {
	method, path, id string
	scopes           []string
}

func (o *outside) operations() []described {
	o.t.Helper()
	status, _, text := o.do(o.request("GET", "/openapi.json", ""))
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string                `json:"operationId"`
			Security    []map[string][]string `json:"security"`
		}
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || status != 200 {
		o.t.Fatalf("the description is %d, %v", status, err)
	}
	var all []described
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if len(op.Security) != 2 || !slices.Equal(op.Security[0]["signature"], op.Security[1]["bearer"]) {
				o.t.Errorf("%s %s needs %v", method, path, op.Security)
				continue
			}
			all = append(all, described{strings.ToUpper(method), path, op.OperationID, op.Security[0]["signature"]})
		}
	}
	if len(all) < 40 {
		o.t.Fatalf("only %d operations are described", len(all))
	}
	return all
}

// TestEveryOperationWantsACallerWithItsScope tries all that are described, and that those of the operator are not there.
func TestEveryOperationWantsACallerWithItsScope(t *testing.T) {
	t.Parallel()
	o := setupPublic(t)
	only := map[string]signature.Signer{}
	for _, scope := range []string{"read", "provision", "administer"} {
		only[scope] = o.credential(scope)
	}
	ids := o.foreign()
	bodies := map[string]string{
		"change-user": `{"surname":"X"}`, "change-department": `{"name":"X"}`, "change-role": `{"name":"X"}`, "change-credential": `{"disabled":true}`,
		"change-webhook": `{"name":"X"}`,
	}
	for _, op := range o.operations() {
		path := op.path
		for name, id := range ids {
			path = strings.ReplaceAll(path, "{"+name+"}", id)
		}
		if strings.Contains(path, "{") {
			t.Errorf("%s: nothing of another tenant's is known to put into %s", op.id, op.path)
			continue
		}
		body := ""
		if op.method != "GET" && op.method != "DELETE" {
			body = `{}`
		}
		if b, ok := bodies[op.id]; ok {
			body = b
		}
		if status, _, answer := o.do(o.request(op.method, path, body)); status != 401 {
			t.Errorf("%s without a caller: %d %s", op.id, status, answer)
		}
		for scope, signer := range only {
			status, answer := o.signed(signer, op.method, path, body)
			switch allowed := slices.Equal(op.scopes, []string{scope}); {
			case !allowed && status != 403:
				t.Errorf("%s with the scope %s: %d %s, want 403", op.id, scope, status, answer)
			case allowed && path != op.path && status != 404:
				t.Errorf("%s of another tenant's: %d %s, want 404", op.id, status, answer)
			case allowed && (status == 401 || status == 403 || status >= 500):
				t.Errorf("%s with its scope: %d %s", op.id, status, answer)
			}
		}
	}
	all := o.credential()
	for _, path := range []string{"/tenants", "/keys", o.base(), o.base() + "/users", "/administrators", "/users/x/y/z"} {
		if status, answer := o.signed(all, "GET", path, ""); status != 404 || !strings.Contains(answer, `"detail"`) {
			t.Errorf("%s: %d %s, want 404", path, status, answer)
		}
	}
	if status, answer := o.signed(all, "PUT", "/users", "{}"); status != 405 || !strings.Contains(answer, "GET, HEAD, POST") {
		t.Errorf("another method: %d %s, want 405", status, answer)
	}
}

// foreign are things of the other tenant, by the names of path parameters.
func (o *outside) foreign() map[string]string {
	o.t.Helper()
	base := "/tenants/" + o.other.ID.String()
	c := call[native.Credential](o.installation, 201, "POST", base+"/credentials", `{}`)
	role := call[native.Role](o.installation, 201, "POST", base+"/roles", `{"name":"r"}`)
	batch := call[native.Batch](o.installation, 202, "POST", base+"/batches", `{"operation":"create","match":"account","rows":[{"account":"a","firstName":"A"}]}`)
	hook := call[native.Webhook](o.installation, 201, "POST", base+"/webhooks", `{"url":"https://example.com/"}`)
	return map[string]string{
		"user": o.other.Administrators[0].ID.String(), "department": o.other.RootDepartmentID.String(), "appId": c.AppID, "role": role.ID.String(),
		"batch": batch.ID.String(), "webhook": hook.ID.String(), "delivery": "1",
	}
}

func TestWhoSignsActsForHisTenant(t *testing.T) {
	t.Parallel()
	o := setupPublic(t)
	admin := o.tenant.Administrators[0].ID.String()
	users := o.base() + "/users"
	manager := call[native.User](o.installation, 201, "POST", users, `{"account":"mia","firstName":"Mia","adminLevel":5}`).ID.String()
	common := call[native.User](o.installation, 201, "POST", users, `{"account":"cy","firstName":"Cy"}`).ID.String()
	disabled := call[native.User](o.installation, 201, "POST", users, `{"account":"dan","firstName":"Dan","adminLevel":2,"disabled":true}`).ID.String()
	signer := o.credential()
	for name, c := range map[string]struct {
		change       func(s *signature.Signer)
		after        func(r *http.Request)
		method, path string
		status       int
	}{
		"an application":            {method: "GET", path: "/users", status: 200},
		"by the other scheme":       {change: func(s *signature.Signer) { s.Scheme = signature.SchemeSDK }, method: "GET", path: "/users?limit=1&direct=true", status: 200},
		"what it changes":           {method: "POST", path: "/roles", status: 201},
		"an administrator":          {change: func(s *signature.Signer) { s.UserID = admin }, method: "GET", path: "/credentials", status: 200},
		"a manager who reads":       {change: func(s *signature.Signer) { s.UserID = manager }, method: "GET", path: "/batches", status: 200},
		"a manager who administers": {change: func(s *signature.Signer) { s.UserID = manager }, method: "POST", path: "/roles", status: 403},
		"a common user":             {change: func(s *signature.Signer) { s.UserID = common }, method: "GET", path: "/users", status: 403},
		"a disabled user":           {change: func(s *signature.Signer) { s.UserID = disabled }, method: "GET", path: "/users", status: 403},
		"another tenant's user":     {change: func(s *signature.Signer) { s.UserID = o.other.Administrators[0].ID.String() }, method: "GET", path: "/users", status: 403},
		"a user who is not signed":  {after: func(r *http.Request) { r.Header.Set("X-User-Id", manager) }, method: "GET", path: "/users", status: 401},
		"another body":              {after: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"name":"no"}`)) }, method: "POST", path: "/roles", status: 401},
		"another query":             {after: func(r *http.Request) { r.RequestURI += "?limit=2" }, method: "GET", path: "/users", status: 401},
		"another secret":            {change: func(s *signature.Signer) { s.Secret = []byte("another secret") }, method: "GET", path: "/users", status: 401},
		"nobody's AppId":            {change: func(s *signature.Signer) { s.AppID = "nobody" }, method: "GET", path: "/users", status: 401},
	} {
		s := signer
		if c.change != nil {
			c.change(&s)
		}
		body := ""
		if c.method == "POST" {
			body = fmt.Sprintf(`{"name":%q}`, name)
		}
		r := o.request(c.method, c.path, body)
		if err := s.Sign(r, []byte(body), time.Now()); err != nil {
			t.Fatal(err)
		}
		if c.after != nil {
			c.after(r)
		}
		status, header, answer := o.do(r)
		if status != c.status {
			t.Errorf("%s: %d %s, want %d", name, status, answer, c.status)
		}
		if status == 401 && !strings.Contains(header.Get("Www-Authenticate"), "Bearer") {
			t.Errorf("%s: the answer does not say how to authenticate: %v", name, header)
		}
	}
}

// token signs a user in.
func (o *outside) token(account string) string {
	o.t.Helper()
	t, err := o.store.Tenant(o.t.Context(), o.tenant.ID)
	if err != nil {
		o.t.Fatal(err)
	}
	s, err := o.sessions.SignIn(o.t.Context(), access.SignInRequest{
		Tenant: t, Account: account, Password: "Correct-Horse-7", Address: netip.MustParseAddr("192.0.2.1"), Began: time.Now(),
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return s.AccessToken
}

func TestWhoBringsATokenActsWithinHisLevel(t *testing.T) {
	t.Parallel()
	o := setupPublic(t)
	sales := call[native.Department](o.installation, 201, "POST", o.base()+"/departments", `{"name":"Sales"}`).ID
	for account, level := range map[string]muster.AdminLevel{
		"sys": muster.LevelSystemAdmin, "dep": muster.LevelDepartmentAdmin, "man": muster.LevelManager, "com": muster.LevelCommon,
	} {
		call[native.User](o.installation, 201, "POST", o.base()+"/users", fmt.Sprintf(
			`{"account":%q,"firstName":"F","surname":%q,"adminLevel":%d,"departmentId":"%s","password":"Correct-Horse-7"}`, account, account, level, sales))
	}
	call[native.User](o.installation, 201, "POST", o.base()+"/users", `{"account":"elsewhere","firstName":"F","surname":"Else"}`)
	tests := map[string][]struct {
		method, path string
		status       int
		want         string
	}{
		"sys": {{"GET", "/tenant", 200, "acme"}, {"GET", "/users?name=f", 200, "elsewhere"}, {"GET", "/credentials", 200, ""}, {"GET", "/batches", 200, ""}},
		"dep": {
			{"GET", "/users?name=f", 200, "sys"}, {"GET", "/departments", 200, "Sales"}, {"GET", "/tenant", 403, "department"}, {"GET", "/batches", 403, ""},
			{"GET", "/roles", 403, "department"}, {"GET", "/credentials", 403, ""}, {"POST", "/users", 422, ""}, {"GET", "/users/export.csv", 200, "dep"},
		},
		"man": {{"GET", "/batches", 200, ""}, {"GET", "/users", 403, ""}, {"POST", "/users", 403, "scope"}},
		"com": {{"GET", "/users", 403, "scope"}, {"GET", "/batches", 403, "scope"}},
	}
	for account, requests := range tests {
		token := o.token(account)
		for _, c := range requests {
			body := ""
			if c.method == "POST" {
				body = "{}"
			}
			r := o.request(c.method, c.path, body)
			r.Header.Set("Authorization", "Bearer "+token)
			status, _, answer := o.do(r)
			if status != c.status || !strings.Contains(answer, c.want) || account == "dep" && strings.Contains(answer, "elsewhere") {
				t.Errorf("%s: %s %s: %d %s, want %d with %q", account, c.method, c.path, status, answer, c.status, c.want)
			}
		}
	}
	for name, authorization := range map[string][]string{
		"nothing": nil, "no token": {"Bearer "}, "a guess": {"Bearer " + strings.Repeat("a", 43)}, "two": {"Bearer a", "Bearer b"}, "another scheme": {"Basic YTpi"},
		"too long": {"Bearer " + strings.Repeat("a", 300)},
	} {
		r := o.request("GET", "/users", "")
		r.Header["Authorization"] = authorization
		if status, _, answer := o.do(r); status != 401 {
			t.Errorf("%s: %d %s, want 401", name, status, answer)
		}
	}
}

// TestATenantDoesNotLiftItsLimits: what the operator decided stays.
func TestATenantDoesNotLiftItsLimits(t *testing.T) {
	t.Parallel()
	o := setupPublic(t)
	s := o.credential()
	for body, want := range map[string]int{
		`{"settings":{"uniqueEmail":true,"phoneRegion":"DE","password":{"minLength":12}}}`: 200,
		`{"name":"x"}`: 403, `{"host":"x.org"}`: 403, `{"settings":{"userLimit":0}}`: 403, `{"settings":{"personalSpaceGB":9}}`: 403,
	} {
		if status, answer := o.signed(s, "PATCH", "/tenant", body); status != want {
			t.Errorf("%s: %d %s, want %d", body, status, answer, want)
		}
	}
}

// TestASignedUploadIsTheFileThatWasSigned: nothing of another one is accepted, and nothing is read of one whose caller is unknown.
func TestASignedUploadIsTheFileThatWasSigned(t *testing.T) {
	t.Parallel()
	o := setupPublic(t)
	signer := o.credential("provision", "read")
	const file = "account,firstName\nann,Ann\nbo,Bo\n"
	const path = "/batches/upload?match=account&operation=create"
	send := func(scheme signature.Scheme, announce bool, sent string) (int, http.Header, string) {
		r := o.request("POST", path, sent)
		r.Header.Set("Content-Type", "text/csv")
		s := signer
		s.Scheme = scheme
		if announce {
			o.sign(s, r, file)
		} else if err := s.Sign(r, []byte(file), time.Now()); err != nil {
			t.Fatal(err)
		}
		return o.do(r)
	}
	for _, scheme := range []signature.Scheme{signature.SchemeApp, signature.SchemeSDK} {
		if status, _, answer := send(scheme, false, file); status != 401 || !strings.Contains(answer, "X-Sdk-Content-Sha256") {
			t.Errorf("%s, not announced: %d %s", scheme, status, answer)
		}
		for name, sent := range map[string]string{"longer": file + "cy,Cy\n", "shorter": file[:20], "another": strings.ReplaceAll(file, "Ann", "Eve"), "with spaces behind": file + "\n"} {
			if status, _, answer := send(scheme, true, sent); status != 401 || !strings.Contains(answer, "is not the hash") {
				t.Errorf("%s, %s: %d %s", scheme, name, status, answer)
			}
		}
	}
	if status, answer := o.signed(signer, "GET", "/batches", ""); status != 200 || !strings.Contains(answer, `"batches":[]`) {
		t.Errorf("something was accepted: %d %s", status, answer)
	}
	for _, scheme := range []signature.Scheme{signature.SchemeApp, signature.SchemeSDK} {
		status, header, answer := send(scheme, true, file)
		if location := header.Get("Location"); status != 202 || !strings.HasPrefix(location, native.Prefix+"/batches/") {
			t.Errorf("%s: %d %s at %q", scheme, status, answer, location)
		}
	}
	unread := o.request("POST", path, "")
	unread.Body = io.NopCloser(unreadable{t})
	other := signer
	other.Secret = []byte("of somebody else")
	o.sign(other, unread, file)
	if status, _, answer := o.do(unread); status != 401 {
		t.Errorf("of an unknown caller: %d %s", status, answer)
	}
}

// unreadable fails the test that reads it.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}
