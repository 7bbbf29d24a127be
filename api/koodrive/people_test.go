package koodrive_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/directory"
	"muster/mapping"
	"muster/password"
)

const prefix = "/koodrive/ose/v1"

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const rightPassword = "Right horse 1"

// addUser makes a user of the tenant, with rightPassword as his password, in the root department unless u says otherwise.
func (b *bundle) addUser(t *testing.T, tenant *muster.Tenant, u muster.User) muster.ID {
	t.Helper()
	if u.ID == 0 {
		var err error
		u.ID, err = b.ids.Next()
		must(t, err)
	}
	if u.Department == 0 {
		u.Department = tenant.RootDepartment
	}
	u.AccountKey, u.EmailKey = mapping.AccountKey(u.Account), strings.ToLower(u.Email)
	if u.Phone != "" {
		var fault *muster.Fault
		if u.PhoneKey, fault = mapping.PhoneKey("phone", u.Phone, tenant.Settings.PhoneRegion); fault != nil {
			t.Fatal(fault.Detail)
		}
	}
	hash, err := b.sessions.Hasher.Hash(t.Context(), password.Interactive, []byte(rightPassword))
	must(t, err)
	u.PasswordHash = hash
	outcome, err := b.direct().Change(t.Context(), tenant.ID, muster.Entry{
		Action: muster.ActionCreate, Match: muster.KeyID, Actor: muster.LevelSystemAdmin, NewID: u.ID, User: u, Password: true,
		Set: muster.FieldAccount | muster.FieldPhone | muster.FieldEmail | muster.FieldFirstName | muster.FieldSurname |
			muster.FieldDisplayName | muster.FieldPassword | muster.FieldLevel | muster.FieldDepartment | muster.FieldCapacity,
	})
	must(t, err)
	if outcome.Result != muster.Succeeded {
		t.Fatalf("outcome = %+v", outcome)
	}
	if u.Disabled {
		b.disable(t, tenant, u.ID)
	}
	return u.ID
}

// addDepartment makes a department below parent; id 0 makes one up.
func (b *bundle) addDepartment(t *testing.T, tenant *muster.Tenant, parent muster.ID, name string, id muster.ID) muster.ID {
	t.Helper()
	d := directory.Departments{Store: b.store, IDs: b.ids, Now: b.sessions.Now}
	made, err := d.Create(t.Context(), tenant.ID, muster.Actor{Level: muster.LevelSystemAdmin}, directory.NewDepartment{Name: name, Parent: parent, ID: id})
	must(t, err)
	return made.ID
}

// settle changes the tenant's settings.
func (b *bundle) settle(t *testing.T, tenant *muster.Tenant, s muster.TenantSettings) {
	t.Helper()
	_, err := b.access.UpdateTenant(t.Context(), tenant.ID, access.TenantChange{Settings: &s})
	must(t, err)
}

// signIn gives the access token of a user who has an account.
func (b *bundle) signIn(t *testing.T, tenant *muster.Tenant, account string) string {
	t.Helper()
	s, err := b.sessions.SignIn(t.Context(), access.SignInRequest{Tenant: tenant, Account: account, Password: rightPassword, Began: b.sessions.Now()})
	must(t, err)
	return s.AccessToken
}

// administrator makes a user of a level in a department, 0 being the root, and gives his access token.
func (b *bundle) administrator(t *testing.T, tenant *muster.Tenant, level muster.AdminLevel, department muster.ID) string {
	t.Helper()
	id, err := b.ids.Next()
	must(t, err)
	account := fmt.Sprintf("administrator-%s", id)
	b.addUser(t, tenant, muster.User{ID: id, Account: account, FirstName: "Ad", Level: level, Department: department})
	return b.signIn(t, tenant, account)
}

// ask sends a request with an access token, as a sign-in answers it; "" sends none.
func (b *bundle) ask(t *testing.T, token, method, target, body string, change ...func(*http.Request)) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("X-Traceid", trace)
	if token != "" {
		r.Header.Set("Authorization", "AT "+token)
	}
	for _, c := range change {
		c(r)
	}
	return b.do(r)
}

// text is the body of an answer.
func text(t *testing.T, r *http.Response) string {
	t.Helper()
	_, body, _ := strings.Cut(dump(t, r), "\n\n")
	return strings.TrimSuffix(body, "\n")
}

// applicationToken gives the first tenant's key pair a token.
func (b *bundle) applicationToken(t *testing.T) string {
	t.Helper()
	tokens := access.Tokens{Store: b.store, Keyring: b.keyring, Now: b.sessions.Now}
	issued, err := tokens.Issue(t.Context(), access.TokenRequest{AppID: appID, Secret: appSecret})
	must(t, err)
	return issued.Token
}
