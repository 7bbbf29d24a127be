package koodrive_test

import (
	"net/http"
	"testing"

	"muster"
	"muster/access"
)

// TestScopesOfACredential: an endpoint is for credentials that have its scope, whether they sign or bring a token.
func TestScopesOfACredential(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, endpoint := range []struct {
		method, path string
		scope        muster.Scopes
	}{
		{http.MethodGet, prefix + "/userList", muster.ScopeRead},
		{http.MethodGet, prefix + "/users/1", muster.ScopeRead},
		{http.MethodGet, prefix + "/departmentList", muster.ScopeRead},
		{http.MethodGet, prefix + "/departments/1", muster.ScopeRead},
		{http.MethodGet, prefix + "/service/quotaUsed", muster.ScopeRead},
		{http.MethodPost, prefix + "/users/batchimport/preverify", muster.ScopeProvision},
		{http.MethodPost, prefix + "/departments", muster.ScopeAdminister},
		{http.MethodPut, prefix + "/departments/1", muster.ScopeAdminister},
		{http.MethodDelete, prefix + "/departments/1", muster.ScopeAdminister},
		{http.MethodPut, prefix + "/users/1", muster.ScopeAdminister},
		{http.MethodDelete, prefix + "/users/1", muster.ScopeAdminister},
		{http.MethodPost, prefix + "/user/batchRegister/create", muster.ScopeProvision},
		{http.MethodGet, prefix + "/user/batchRegister/get", muster.ScopeRead},
	} {
		b.mayDo(t, muster.AllScopes)
		token := b.applicationToken(t)
		for _, has := range []muster.Scopes{endpoint.scope, muster.AllScopes &^ endpoint.scope} {
			b.mayDo(t, has)
			var answer *http.Response
			if endpoint.path == prefix+"/user/batchRegister/create" || endpoint.path == prefix+"/user/batchRegister/get" {
				answer = b.do(b.request(t, endpoint.method, endpoint.path, ""))
			} else {
				answer = b.ask(t, token, endpoint.method, endpoint.path, "")
			}
			refused := answer.StatusCode == http.StatusForbidden
			if refused == has.Has(endpoint.scope) || answer.StatusCode == http.StatusUnauthorized {
				t.Errorf("%s %s with the scopes %v: %s", endpoint.method, endpoint.path, has.Names(), dump(t, answer))
			}
		}
	}
	// A user may do what his level lets him, whatever the credentials.
	user := b.administrator(t, b.tenant, muster.LevelSystemAdmin, 0)
	if answer := b.ask(t, user, http.MethodGet, prefix+"/userList", ""); answer.StatusCode != http.StatusOK {
		t.Errorf("a user: %s", dump(t, answer))
	}
	b.mayDo(t, muster.ScopeRead)
	golden(t, "a scope that lacks", b.do(b.request(t, http.MethodPost, prefix+"/user/batchRegister/create", "{}")))
}

// mayDo gives the tenant's credential other scopes.
func (b *bundle) mayDo(t *testing.T, scopes muster.Scopes) {
	t.Helper()
	_, err := b.access.ChangeCredential(t.Context(), b.tenant.ID, appID, access.CredentialChange{Scopes: &scopes})
	must(t, err)
}
