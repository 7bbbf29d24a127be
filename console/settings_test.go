package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"muster"
	"muster/access"
)

// settingsForm is the form as an administrator of the installation finds it, with some fields typed.
func settingsForm(typed ...string) url.Values {
	form := url.Values{
		"name": {"first"}, "host": {""}, "userLimit": {"0"}, "personalSpaceGB": {"0"}, "phoneRegion": {""},
		"password.minLength": {""}, "password.maxLength": {""}, "password.minClasses": {""},
	}
	for i := 0; i < len(typed); i += 2 {
		form.Set(typed[i], typed[i+1])
	}
	return form
}

// ownForm is the part of a form that a tenant's own operators have.
func ownForm(typed ...string) url.Values {
	form := settingsForm(typed...)
	for _, name := range []string{"name", "host", "userLimit", "personalSpaceGB"} {
		form.Del(name)
	}
	return form
}

func (b *bundle) readTenant(t testing.TB) *muster.Tenant {
	t.Helper()
	tenant, err := b.store.Tenant(t.Context(), b.tenant.ID)
	must(t, err)
	return tenant
}

func TestSettingsAreChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, 0, muster.OperatorAdministrator)
	v.get("/console/settings").is(http.StatusOK).has(`name="userLimit" type="number" value="0"`, "There are 1 now.", `name="password.minLength" type="number" value=""`)
	v.submit("/console/settings", "/console/settings", settingsForm(
		"name", "Renamed", "host", "Users.Example.com", "userLimit", "5000", "personalSpaceGB", "700", "phoneRegion", "CN", "uniqueEmail", "1",
		"password.minLength", "12", "password.maxLength", "64", "password.minClasses", "4",
	)).leadsTo("/console/settings")
	want := muster.TenantSettings{
		PhoneRegion: "CN", UniqueEmail: true, UserLimit: 5000, PersonalSpaceGB: 700, Password: muster.PasswordRule{MinLength: 12, MaxLength: 64, MinClasses: 4},
	}
	if got := b.readTenant(t); got.Settings != want || got.Name != "Renamed" || got.Host != "users.example.com" {
		t.Errorf("the tenant is %+v", got)
	}
	v.get("/console/settings").has("The settings are changed.", `value="Renamed"`, `value="users.example.com"`, `value="5000"`, `name="uniqueEmail" value="1" checked`)
	v.submit("/console/settings", "/console/settings", settingsForm(
		"name", "Renamed", "host", "users.example.com", "userLimit", "5000", "personalSpaceGB", "700", "phoneRegion", "CN", "password.minLength", "12",
	)).leadsTo("/console/settings")
	if got := b.readTenant(t).Settings; got.UniqueEmail || got.Password != (muster.PasswordRule{MinLength: 12}) || got.UserLimit != 5000 {
		t.Errorf("the settings are %+v", got)
	}
	v.submit("/console/settings", "/console/settings", settingsForm(
		"name", "Renamed", "host", "users.example.com", "userLimit", "5000", "personalSpaceGB", "700", "phoneRegion", "CN", "password.minLength", "12",
	)).leadsTo("/console/settings")
	v.get("/console/settings").has("The settings are what they were.")
	equal(t, b.trail(t, b.tenant.ID), []string{
		"change-tenant settings.uniqueEmail, settings.password",
		"change-tenant name, host, settings.phoneRegion, settings.uniqueEmail, settings.userLimit, settings.personalSpaceGB, settings.password",
	})
}

// TestSettingsThatAreRefused are said beside their field, keep what was typed, and change nothing.
func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, 0, muster.OperatorAdministrator)
	before := *b.readTenant(t)
	for _, c := range []struct {
		status             int
		field, typed, want string
	}{
		{http.StatusUnprocessableEntity, "name", "", "1 to 64 characters"},
		{http.StatusUnprocessableEntity, "name", strings.Repeat("x", access.MaxName+1), "1 to 64 characters"},
		{http.StatusConflict, "name", "other", "A tenant of this name exists."},
		{http.StatusUnprocessableEntity, "host", probe, "Host name must be a host name"},
		{http.StatusUnprocessableEntity, "userLimit", "-1", "Users at most must be from 1"},
		{http.StatusUnprocessableEntity, "userLimit", "1000000001", "Users at most must be from 1"},
		{http.StatusUnprocessableEntity, "userLimit", "many" + probe, "A whole number is accepted"},
		{http.StatusUnprocessableEntity, "userLimit", "99999999999999999999", "A whole number is accepted"},
		{http.StatusUnprocessableEntity, "personalSpaceGB", "1.5", "A whole number is accepted"},
		{http.StatusUnprocessableEntity, "personalSpaceGB", "-7", "Personal space in GB must be from 0"},
		{http.StatusUnprocessableEntity, "phoneRegion", "china", "Region of phone numbers must be empty or the two capital letters"},
		{http.StatusUnprocessableEntity, "phoneRegion", probe, "Region of phone numbers must be empty or the two capital letters"},
		{http.StatusUnprocessableEntity, "password.minLength", "65", "from 1 to 64 characters"},
		{http.StatusUnprocessableEntity, "password.maxLength", "7", "from the minimum, 8, to 256"},
		{http.StatusUnprocessableEntity, "password.minClasses", "5", "from 1 to 4 kinds"},
	} {
		a := v.submit("/console/settings", "/console/settings", settingsForm(c.field, c.typed, "uniqueEmail", "1")).is(c.status)
		a.has(`href="#`+c.field+`"`, `id="`+c.field+`-fault"`, `name="uniqueEmail" value="1" checked`, c.want).hasNo("<script>alert")
	}
	v.submit("/console/settings", "/console/settings", settingsForm("userLimit", "x", "password.minLength", "y")).
		is(http.StatusUnprocessableEntity).has(`href="#userLimit"`, `href="#password.minLength"`)
	v.header.Set("Accept-Language", "zh-CN")
	v.submit("/console/settings", "/console/settings", settingsForm("password.maxLength", "300")).is(http.StatusUnprocessableEntity).has("最多字符数须在最少字符数 8 与 256 之间")
	if after := *b.readTenant(t); after != before {
		t.Errorf("the tenant is %+v", after)
	}
	if all := b.trail(t, b.tenant.ID); all != nil {
		t.Errorf("the trail is %v", all)
	}
}

// TestLimitsAreTheInstallations: a tenant's own operators see its name, host and limits, and change the rest.
func TestLimitsAreTheInstallations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.config.Access.UpdateTenant(t.Context(), b.tenant.ID, access.TenantChange{Settings: &muster.TenantSettings{UserLimit: 1234, PersonalSpaceGB: 99}})
	must(t, err)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	v.get("/console/settings").is(http.StatusOK).has("1,234, of which 1 are taken", "99, of which 0", "The operator of the installation alone").
		hasNo(`name="userLimit"`, `name="name"`, `name="host"`, `name="personalSpaceGB"`)
	v.submit("/console/settings", "/console/settings", ownForm("uniqueEmail", "1")).leadsTo("/console/settings")
	want := muster.TenantSettings{UserLimit: 1234, PersonalSpaceGB: 99, UniqueEmail: true}
	for name, value := range map[string]string{"name": "mine", "host": "mine.example.com", "userLimit": "1000000", "personalSpaceGB": "1000000"} {
		form := ownForm()
		form.Set(name, value)
		v.submit("/console/settings", "/console/settings", form).is(http.StatusForbidden).has("The operator of the installation alone")
	}
	if got := b.readTenant(t); got.Settings != want || got.Name != "first" || got.Host != "" {
		t.Errorf("the tenant is %+v", got)
	}
	for _, role := range []muster.OperatorRole{muster.OperatorViewer, muster.OperatorProvisioner} {
		v := b.signedIn(t, b.tenant.ID, role)
		token := v.get("/console/").token()
		v.get("/console/settings").is(http.StatusForbidden)
		form := ownForm("csrf", token, "phoneRegion", "DE")
		v.post("/console/settings", form).is(http.StatusForbidden)
	}
	if got := b.readTenant(t).Settings; got != want {
		t.Errorf("the settings are %+v", got)
	}
}
