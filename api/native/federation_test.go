package native_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/api/native"
)

func noWrongCondition(p *muster.FederationProfile) error {
	if p.Mapping != nil && p.Mapping.Condition == "wrong" {
		return &muster.Error{Kind: muster.KindInvalid, Field: "mapping.condition", Detail: "Line 1, column 1: undeclared reference."}
	}
	return nil
}

// echo tells what it was asked.
type echo struct{}

func (echo) TryFederated(_ context.Context, tenant muster.ID, _ *muster.FederationProfile, user *muster.FederatedUser) (*muster.FederationTrial, error) {
	if user.Action == "" {
		return nil, &muster.Error{Kind: muster.KindNotFound, Detail: "The tenant does not exist."}
	}
	return &muster.FederationTrial{Result: "failed", Message: fmt.Sprintf("%s %s %t %t %v", tenant, user.UserAccount, user.UserName == nil, user.Email == nil, user.RoleIDs)}, nil
}

func (in *installation) read(t *testing.T, method, path, body string) string {
	t.Helper()
	r := in.send(method, path, body)
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 {
		t.Fatalf("%s %s: %d %s, %v", method, path, r.StatusCode, text, err)
	}
	return strings.TrimSpace(string(text))
}

func TestAFederationProfileIsReadAndSet(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	path := "/tenants/" + tenant.ID.String() + "/federation"
	const fresh = `{"system":{"id":"local","kind":"local"},"mapping":{}}`
	if got := in.read(t, "GET", path, ""); got != fresh {
		t.Errorf("a new tenant's profile is %s, want %s", got, fresh)
	}
	const full = `{"system":{"id":"people","kind":"http","url":"https://people.example.com/{account}","allowPrivate":true,"secret":"t0ken"},` +
		`"mapping":{"condition":"true","account":"account","displayName":"userName","email":"email","roles":"roleIds"},` +
		`"account":{"minLength":2,"maxLength":30,"characters":"-"},"limits":{"account":40,"userName":21,"email":100,"emailLocal":30,"roles":5}}`
	want := strings.Replace(full, `"secret":"t0ken"`, `"hasSecret":true`, 1)
	for _, step := range []struct{ body, want string }{
		{full, want},
		{want, want}, // what was read may be sent again: the secret stays
		{strings.Replace(full, "t0ken", "", 1), strings.Replace(want, `,"hasSecret":true`, "", 1)},
		{`{}`, `{}`},
		{fresh, fresh},
	} {
		if got := in.read(t, "PUT", path, step.body); got != step.want {
			t.Errorf("set to %s is %s, want %s", step.body, got, step.want)
		}
		if got := in.read(t, "GET", path, ""); got != step.want {
			t.Errorf("after %s it is %s, want %s", step.body, got, step.want)
		}
	}
}

func TestProfilesThatAreRefused(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	path := "/tenants/" + tenant.ID.String() + "/federation"
	for name, c := range map[string]struct {
		path, body string
		status     int
		want       string
	}{
		"a rule that does not compile": {path, `{"mapping":{"condition":"wrong"}}`, 422, "Line 1, column 1"},
		"a field that is unknown":      {path, `{"mapping":{"nonsense":"x"}}`, 422, "nonsense"},
		"a secret that nobody is sent": {path, `{"system":{"id":"x","kind":"local","secret":"t0ken"}}`, 422, "system.secret"},
		"no tenant":                    {"/tenants/9/federation", `{}`, 404, "tenant does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in.wantProblem(t, "PUT", c.path, c.body, c.status, c.want)
		})
	}
	in.wantProblem(t, "GET", "/tenants/9/federation", "", 404, "tenant does not exist")
}

func TestAFederatedUserOnTrial(t *testing.T) {
	t.Parallel()
	in := setup(t)
	got := call[muster.FederationTrial](in, 200, "POST", "/tenants/7/federation/test", `{"action":"CREATE","userAccount":"ann","email":"a@b.c","roleIds":["1"]}`)
	if diff := cmp.Diff(muster.FederationTrial{Result: "failed", Message: "7 ann true false [1]"}, got); diff != "" {
		t.Errorf("trial (-want +got):\n%s", diff)
	}
	in.wantProblem(t, "POST", "/tenants/9/federation/test", `{"action":"","userAccount":""}`, 404, "tenant does not exist")
	in.wantProblem(t, "POST", "/tenants/9/federation/test", `{"action":"CREATE","userAccount":1}`, 422, "userAccount")
}

func TestASecretIsNotPrinted(t *testing.T) {
	t.Parallel()
	secret := "t0ken"
	p := native.FederationProfile{System: &native.IdentitySystem{ID: "people", Secret: &secret}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, p.System); strings.Contains(text, secret) {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
