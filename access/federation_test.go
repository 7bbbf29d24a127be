package access_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"muster"
	"muster/access"
)

func (b *bundle) federation() *access.Federation {
	return &access.Federation{Store: b.store, Keyring: b.keyring, Check: func(p *muster.FederationProfile) error {
		if p.Mapping != nil && p.Mapping.Condition == "wrong" {
			return &muster.Error{Kind: muster.KindInvalid, Field: "mapping.condition", Detail: "Line 1, column 1."}
		}
		return nil
	}}
}

func asking(url string) *muster.FederationProfile {
	return &muster.FederationProfile{
		System:  &muster.IdentitySystem{ID: "people", Kind: muster.SystemHTTP, URL: url},
		Mapping: &muster.MappingRule{Condition: "true"}, Account: muster.AccountRule{MinLength: 2},
	}
}

const sourceURL = "https://people.example.com/users/{account}"

// sourceSecret is what the stored secret opens as; "" is none.
func (b *bundle) sourceSecret(t *testing.T) string {
	t.Helper()
	profile, err := b.federation().Profile(t.Context(), b.tenant.ID)
	must(t, err)
	if profile.System == nil || profile.System.Sealed == nil {
		return ""
	}
	if bytes.Contains(profile.System.Sealed, []byte("t0ken")) {
		t.Error("the secret is stored in the clear")
	}
	plain, err := b.keyring.OpenSecret(profile.System.Sealed, access.SourceBinding(b.tenant.ID))
	must(t, err)
	if _, err := b.keyring.OpenSecret(profile.System.Sealed, access.SourceBinding(b.tenant.ID+1)); err == nil {
		t.Error("the secret opens for another tenant")
	}
	return string(plain)
}

func TestAProfileIsSetAsAWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f := b.federation()
	first, err := f.Profile(t.Context(), b.tenant.ID)
	must(t, err)
	if diff := cmp.Diff(muster.DefaultFederationProfile(), *first); diff != "" {
		t.Errorf("profile of a new tenant (-want +got):\n%s", diff)
	}
	for _, want := range []*muster.FederationProfile{asking(sourceURL), {}, asking("http://10.0.0.1:8080/?a={account}")} {
		secret := "t0ken"
		if want.System == nil {
			secret = ""
		}
		set, err := f.SetProfile(t.Context(), b.tenant.ID, want, &secret)
		must(t, err)
		got, err := f.Profile(t.Context(), b.tenant.ID)
		must(t, err)
		if diff := cmp.Diff(set, got); diff != "" {
			t.Errorf("profile (-set +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(muster.IdentitySystem{}, "Sealed")); diff != "" {
			t.Errorf("profile (-want +got):\n%s", diff)
		}
		if got := b.sourceSecret(t); got != secret {
			t.Errorf("the secret opens as %q, want %q", got, secret)
		}
	}
}

func TestASourceSecretStaysWithItsHost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f := b.federation()
	set := func(url string, secret *string) error {
		_, err := f.SetProfile(t.Context(), b.tenant.ID, asking(url), secret)
		return err
	}
	given, none := "t0ken", ""
	must(t, set(sourceURL, &given))
	for _, url := range []string{"https://PEOPLE.example.com:443/v2?q={account}", sourceURL} {
		must(t, set(url, nil))
		if got := b.sourceSecret(t); got != given {
			t.Errorf("after a change of the path the secret is %q", got)
		}
	}
	for _, url := range []string{
		"https://elsewhere.example.com/users/{account}", "http://people.example.com/users/{account}", "https://people.example.com:8443/users/{account}",
	} {
		if e := refused(t, set(url, nil), muster.KindInvalid); e.Field != "system.secret" {
			t.Errorf("%s: field %q", url, e.Field)
		}
	}
	if got := b.sourceSecret(t); got != given {
		t.Errorf("after refusals the secret is %q", got)
	}
	must(t, set("https://elsewhere.example.com/users/{account}", &none))
	if got := b.sourceSecret(t); got != "" {
		t.Errorf("a secret that was taken away is %q", got)
	}

	// A system that is sent none keeps none.
	must(t, set(sourceURL, &given))
	_, err := f.SetProfile(t.Context(), b.tenant.ID, &muster.FederationProfile{System: &muster.IdentitySystem{ID: "local", Kind: muster.SystemLocal}}, nil)
	must(t, err)
	must(t, set(sourceURL, nil))
	if got := b.sourceSecret(t); got != "" {
		t.Errorf("a secret that was gone is %q", got)
	}
}

func TestProfilesThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f := b.federation()
	local := &muster.FederationProfile{System: &muster.IdentitySystem{ID: "local", Kind: muster.SystemLocal}}
	wrong := asking(sourceURL)
	wrong.Mapping.Condition = "wrong"
	for name, c := range map[string]struct {
		profile *muster.FederationProfile
		secret  string
		field   string
	}{
		"what Check refuses":         {wrong, "", "mapping.condition"},
		"a secret for nobody":        {local, "t0ken", "system.secret"},
		"a secret without a system":  {&muster.FederationProfile{}, "t0ken", "system.secret"},
		"a secret of two lines":      {asking(sourceURL), "t0ken\r\nHost: x", "system.secret"},
		"a secret with a space":      {asking(sourceURL), "t0 ken", "system.secret"},
		"a secret of other scripts":  {asking(sourceURL), "tóken", "system.secret"},
		"a secret of too many bytes": {asking(sourceURL), strings.Repeat("x", access.MaxSourceSecret+1), "system.secret"},
	} {
		_, err := f.SetProfile(t.Context(), b.tenant.ID, c.profile, &c.secret)
		e := refused(t, err, muster.KindInvalid)
		if e.Field != c.field || c.secret != "" && strings.Contains(e.Error(), c.secret) {
			t.Errorf("%s: %v", name, e)
		}
	}
	_, err := f.SetProfile(t.Context(), b.tenant.ID+1, local, nil)
	refused(t, err, muster.KindNotFound)
	_, err = f.Profile(t.Context(), b.tenant.ID+1)
	refused(t, err, muster.KindNotFound)
	got, err := f.Profile(t.Context(), b.tenant.ID)
	must(t, err)
	if diff := cmp.Diff(muster.DefaultFederationProfile(), *got); diff != "" {
		t.Errorf("profile after refusals (-want +got):\n%s", diff)
	}
}

// TestASourceSecretOutlivesKeys: a rotation seals it anew, and one that another process did does not lose what is set.
func TestASourceSecretOutlivesKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	given := "t0ken"
	_, err := b.federation().SetProfile(t.Context(), b.tenant.ID, asking(sourceURL), &given)
	must(t, err)
	rotation, err := b.keyring.Rotate(t.Context(), b.store)
	must(t, err)
	if len(rotation.Kept) > 0 || rotation.Rewrapped != 2 { // the credential's and this one
		t.Errorf("rotation %+v", rotation)
	}
	if got := b.sourceSecret(t); got != given {
		t.Errorf("after a rotation the secret is %q", got)
	}
	_, err = b.openKeyring(t).Rotate(t.Context(), b.store)
	must(t, err)
	given = "t0ken-2"
	_, err = b.federation().SetProfile(t.Context(), b.tenant.ID, asking(sourceURL), &given)
	must(t, err)
	if got := b.sourceSecret(t); got != given {
		t.Errorf("after another's rotation the secret is %q", got)
	}
}

// TestADraft is what would be stored, is refused as that is, and stores nothing.
func TestADraft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f := b.federation()
	secret, other := "t0ken", "0ther"
	stored, err := f.SetProfile(t.Context(), b.tenant.ID, asking(sourceURL), &secret)
	must(t, err)
	next := asking("https://people.example.com/other/{account}")
	next.Mapping.Email = "email"
	opens := func(draft *muster.FederationProfile) string {
		t.Helper()
		plain, err := b.keyring.OpenSecret(draft.System.Sealed, access.SourceBinding(b.tenant.ID))
		must(t, err)
		return string(plain)
	}
	draft, err := f.Draft(t.Context(), b.tenant.ID, next, nil)
	must(t, err)
	if diff := cmp.Diff(next, draft, cmpopts.IgnoreFields(muster.IdentitySystem{}, "Sealed")); diff != "" || opens(draft) != secret {
		t.Errorf("draft with the secret %q (-want +got):\n%s", opens(draft), diff)
	}
	draft, err = f.Draft(t.Context(), b.tenant.ID, next, &other)
	must(t, err)
	if opens(draft) != other {
		t.Errorf("draft with the secret %q, want the one given", opens(draft))
	}
	for name, refused := range map[string]*muster.FederationProfile{
		"another host": asking("https://elsewhere.example.com/{account}"), "a rule": {Mapping: &muster.MappingRule{Condition: "wrong"}},
	} {
		if draft, err := f.Draft(t.Context(), b.tenant.ID, refused, nil); muster.KindOf(err) != muster.KindInvalid {
			t.Errorf("%s: a draft is %+v, %v", name, draft, err)
		}
	}
	if _, err := f.Draft(t.Context(), b.tenant.ID+1, next, nil); muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("a draft of no tenant: %v", err)
	}
	got, err := f.Profile(t.Context(), b.tenant.ID)
	must(t, err)
	if diff := cmp.Diff(stored, got); diff != "" {
		t.Errorf("after drafts the profile is (-want +got):\n%s", diff)
	}
}
