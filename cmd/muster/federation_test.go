package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
)

// TestATrialAsksTheIdentitySystem: what federation set was given as secret is what the system is sent, also after the keys
// were rotated, and what the system answers is what the rule sees.
func TestATrialAsksTheIdentitySystem(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	system := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") != "Bearer t0ken" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path != "/people/ann.example" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(`{"id": 17, "name": "Ann Example", "roles": [6001]}`))
	}))
	defer system.Close()
	dir, _ := initialised(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args ...string) (trial muster.FederationTrial) {
		t.Helper()
		var out, errs bytes.Buffer
		args = append(args, "--data", dir, "--output", "json")
		if code := Main(t.Context(), args, stdio{In: bytes.NewReader(nil), Out: &out, Err: &errs}); code != want {
			t.Fatalf("muster %v exited with %d, want %d: %s", args, code, want, &errs)
		}
		if args[1] == "test" {
			if err := json.Unmarshal(out.Bytes(), &trial); err != nil {
				t.Fatalf("%v: %s", err, &out)
			}
		}
		return trial
	}
	run(0, "role", "create", "Auditor", "--id", "6001")
	run(0, "federation", "set", "--system-kind", "http", "--system-url", system.URL+"/people/{account}", "--allow-private",
		"--secret-file", secret, "--display-name", "source.name", "--roles", "source.roles")
	run(0, "key", "rotate")

	name, email := "Ann Example", "ann@example.org"
	want := muster.FederationTrial{
		Result: "succeeded",
		User:   &muster.MappedUser{Account: "ann.example", Name: &name, Email: &email, RoleIDs: []muster.ID{6001}},
	}
	got := run(exitOK, "federation", "test", "--account", "ann.example", "--user-name", "Ann", "--email", email)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("trial (-want +got):\n%s", diff)
	}
	if got := run(exitRefused, "federation", "test", "--account", "bob.example", "--user-name", "Bob", "--email", email); got.Code != "60101000103" {
		t.Errorf("a trial of somebody whom the system does not know gives %+v", got)
	}
	// Who is to be disabled is not asked about.
	before := asked.Load()
	if got := run(exitRefused, "federation", "test", "--action", "DISABLE", "--account", "ann.example"); got.Code != "60101060007" || asked.Load() != before {
		t.Errorf("a trial of a DISABLE gives %+v after %d calls", got, asked.Load()-before)
	}
	run(0, "federation", "set", "--no-secret")
	if got := run(exitRefused, "federation", "test", "--account", "ann.example", "--user-name", "Ann", "--email", email); got.Code != "60101000100" {
		t.Errorf("a trial without the secret gives %+v", got)
	}
}
