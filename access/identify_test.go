package access_test

import (
	"crypto/sha256"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
)

// TestIdentify: a signed request speaks for the application, or for the user whom it names.
func TestIdentify(t *testing.T) {
	t.Parallel()
	b := setup(t)
	verifier := *b.verifier
	verifier.Policy.UserOptional = true
	scopes := muster.ScopeProvision
	_, err := b.service.ChangeCredential(t.Context(), b.tenant.ID, broughtAppID, access.CredentialChange{Scopes: &scopes})
	must(t, err)
	identify := func(r *http.Request, body string) (*access.Principal, error) {
		pending, err := verifier.Begin(r)
		if err != nil {
			return nil, err
		}
		return pending.Identify(t.Context(), sha256.Sum256([]byte(body)))
	}
	alone := b.signer
	alone.UserID = ""
	for name, c := range map[string]struct {
		r    *http.Request
		want muster.Actor
	}{
		"the application":      {b.signed(t, alone, "body"), muster.Actor{Level: muster.LevelSystemAdmin}},
		"a user whom it names": {b.signed(t, b.signer, "body"), muster.Actor{User: b.admin.ID, Level: muster.LevelSystemAdmin, Department: b.admin.Department}},
	} {
		got, err := identify(c.r, "body")
		must(t, err)
		if diff := cmp.Diff(&access.Principal{Tenant: b.tenant, AppID: broughtAppID, Actor: c.want, Scopes: scopes}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	unsigned := b.signed(t, alone, "body")
	unsigned.Header.Set("X-User-Id", b.admin.ID.String())
	_, err = identify(unsigned, "body")
	refused(t, err, muster.KindUnauthenticated)
	_, err = identify(b.signed(t, alone, "body"), "another")
	refused(t, err, muster.KindUnauthenticated)
	stranger := b.signer
	stranger.UserID = "9"
	_, err = identify(b.signed(t, stranger, "body"), "body")
	refused(t, err, muster.KindForbidden)
}

// TestAnnouncedBodies: the hash that a request announces is understood with either scheme, and only if it is one.
func TestAnnouncedBodies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // of nothing
	for value, want := range map[string]bool{digest: true, digest[1:]: false, "UNSIGNED-PAYLOAD": false, "": false} {
		r := b.signed(t, b.signer, "", func(r *http.Request) { r.Header.Set("X-Sdk-Content-Sha256", value) })
		pending, err := b.verifier.Begin(r)
		must(t, err)
		if got, ok := pending.Announced(); ok != want || ok && got != sha256.Sum256(nil) {
			t.Errorf("%q announces %x, %t", value, got, ok)
		}
	}
}

func TestScopesOfACredential(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made, err := b.service.CreateCredential(t.Context(), b.tenant.ID, access.NewCredential{Scopes: muster.ScopeRead})
	must(t, err)
	if made.Credential.Scopes != muster.ScopeRead {
		t.Errorf("made with %v", made.Credential.Scopes.Names())
	}
	none := muster.Scopes(0)
	for _, change := range []access.CredentialChange{{}, {Scopes: &none}} {
		_, err := b.service.ChangeCredential(t.Context(), b.tenant.ID, made.Credential.AppID, change)
		refused(t, err, muster.KindInvalid)
	}
}
