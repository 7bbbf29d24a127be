package federation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"muster"
	"muster/access"
	"muster/provision"
)

// poisonedStore cannot store what becomes of the account "poisoned", like a database that refuses a value.
type poisonedStore struct{ provision.Store }

func (s *poisonedStore) Apply(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
	if !slices.Contains(keys.Accounts, "poisoned") {
		return s.Store.Apply(ctx, tenant, chunks, keys, decide)
	}
	return s.Store.Apply(ctx, tenant, chunks, keys, func(snapshot muster.Snapshot, live []bool) (*provision.Writes, error) {
		if _, err := decide(snapshot, live); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w: value out of range", muster.ErrRow)
	})
}

// identitySystem answers about accounts by what they are called.
func identitySystem(t *testing.T) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/nobody":
			http.NotFound(w, r)
		case "/badroles":
			_, _ = fmt.Fprint(w, `{"id":"u1","roles":7}`)
		default:
			_, _ = fmt.Fprint(w, `{"name":"Ada"}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/{account}"
}

// TestEveryFailCodeIsReached, from a request to the answer, each for the fault that the contract has it for.
func TestEveryFailCodeIsReached(t *testing.T) {
	t.Parallel()
	s := serveOver(t, true, func(below provision.Store) provision.Store { return &poisonedStore{below} })
	_, err := s.access.UpdateTenant(t.Context(), s.tenant.ID, access.TenantChange{
		Settings: &muster.TenantSettings{UniqueEmail: true, UserLimit: 3}, // the administrator is one
	})
	must(t, err)
	url := identitySystem(t)
	local := &muster.IdentitySystem{ID: "local", Kind: muster.SystemLocal}
	mapped := func(rule muster.MappingRule) muster.FederationProfile {
		return muster.FederationProfile{System: local, Mapping: &rule}
	}
	asked := muster.FederationProfile{
		System:  &muster.IdentitySystem{ID: "hr", Kind: muster.SystemHTTP, URL: url, AllowPrivate: true},
		Mapping: &muster.MappingRule{},
	}
	private := muster.FederationProfile{System: &muster.IdentitySystem{ID: "hr", Kind: muster.SystemHTTP, URL: url}, Mapping: &muster.MappingRule{}}
	create := func(account, email string) string {
		return fmt.Sprintf(`{"action":"CREATE","userName":"Ada","userAccount":%q,"email":%q}`, account, email)
	}
	plain, strict := mapped(muster.MappingRule{}), mapped(muster.MappingRule{})
	strict.Account.Characters = "." // and not what createTask accepts
	for _, tc := range []struct {
		fault, code string // code "" is none
		profile     muster.FederationProfile
		row         string
	}{
		{"none", "", plain, create("ada.lovelace", "ada@example.org")},
		{"the account exists", "60101000108", plain, create("ada.lovelace", "b@example.org")},
		{"another user has the e-mail", "60101040050", plain, create("grace.hopper", "ADA@example.org")},
		{"none, and takes the last seat", "", plain, create("grace.hopper", "grace@example.org")},
		{"no seat", "60101040050", plain, create("mary.jackson", "mary@example.org")},
		{"nobody to modify", "60101060007", plain, `{"action":"MODIFY","userAccount":"mary.jackson"}`},
		{"nobody to disable", "60101060007", plain, `{"action":"DISABLE","userAccount":"mary.jackson"}`},
		{"no such role", "60101030013", plain, `{"action":"MODIFY","userAccount":"ada.lovelace","roleIds":["42"]}`},
		{"the account is too short", "60101020076", plain, create("short", "s@example.org")},
		{"the account's characters", "60101020085", strict, create("mary_jackson", "m@example.org")},
		{"not admitted", "60101060003", mapped(muster.MappingRule{Condition: "false"}), create("mary.jackson", "m@example.org")},
		{"no valid user", "60101000109", mapped(muster.MappingRule{Email: "userName"}), create("mary.jackson", "m@example.org")},
		{"no mapping rule", "60101000101", muster.FederationProfile{System: local}, create("mary.jackson", "m@example.org")},
		{"no identity system", "60101000102", muster.FederationProfile{Mapping: &muster.MappingRule{}}, create("mary.jackson", "m@example.org")},
		{"the source is not readable", "60101000100", private, create("mary.jackson", "m@example.org")},
		{"the source answers nothing", "60101000103", asked, create("nobody", "m@example.org")},
		{"the source's roles", "60101000104", asked, create("badroles", "m@example.org")},
		{"the source gives no id", "60101000105", asked, create("mary.jackson", "m@example.org")},
		{"a fault of the row's own", "60101900002", plain, `{"action":"DISABLE","userAccount":"poisoned"}`},
	} {
		code, body := s.failCode(t, &tc.profile, tc.row)
		if code != tc.code {
			t.Errorf("%s: %s, want code %q", tc.fault, body, tc.code)
		}
	}
}

// failCode has a row applied under a profile, and gives its failCode, "" if it does not fail, and queryTask's answer.
func (s *server) failCode(t *testing.T, profile *muster.FederationProfile, row string) (code, body string) {
	t.Helper()
	_, err := s.store.UpdateFederationProfile(t.Context(), s.tenant.ID, func(p *muster.FederationProfile) error {
		*p = *profile
		return nil
	})
	must(t, err)
	body = s.done(t, s.first(), s.create(t, s.first(), users(row)))
	var answer struct {
		FailDataList []struct{ FailCode string }
	}
	must(t, json.Unmarshal([]byte(body), &answer))
	if len(answer.FailDataList) > 0 {
		code = answer.FailDataList[0].FailCode
	}
	return code, body
}
