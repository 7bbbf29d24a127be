package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/access"
)

func settingsRoutes() []route {
	return []route{
		{pattern: "GET /settings", scope: muster.ScopeAdminister, page: (*visit).showSettings},
		{pattern: "POST /settings", scope: muster.ScopeAdminister, action: "change-tenant", page: (*visit).changeSettings},
	}
}

// The fields of the form, by the names that refusals call them by.
const (
	settingName       = "name"
	settingHost       = "host"
	settingUsers      = "userLimit"
	settingSpace      = "personalSpaceGB"
	settingRegion     = "phoneRegion"
	settingEmail      = "uniqueEmail"
	settingMinLength  = "password.minLength"
	settingMaxLength  = "password.maxLength"
	settingMinClasses = "password.minClasses"
)

var settingFields = [...]string{
	settingName, settingHost, settingUsers, settingSpace, settingRegion, settingEmail, settingMinLength, settingMaxLength, settingMinClasses,
}

// setting is what a field is called.
func (v *visit) setting(name string) string {
	switch name {
	case settingName:
		return v.T("Name")
	case settingHost:
		return v.T("Host name")
	case settingUsers:
		return v.T("Users at most")
	case settingSpace:
		return v.T("Personal space in GB")
	case settingRegion:
		return v.T("Region of phone numbers")
	case settingEmail:
		return v.T("No two users have the same e-mail address, which can then tell who is meant")
	case settingMinLength:
		return v.T("Characters at least")
	case settingMaxLength:
		return v.T("Characters at most")
	default:
		return v.T("Kinds of characters at least")
	}
}

// installationSettings are those that a tenant's own operators see and do not change, as the API has it.
var installationSettings = [...]string{settingName, settingHost, settingUsers, settingSpace}

var errInstallationSettings = &muster.Error{
	Kind: muster.KindForbidden, Detail: "The operator of the installation alone changes a tenant's name, host and limits.",
}

// settingsForm is what was typed, by field, and what is wrong with it.
type settingsForm struct {
	Values map[string]string
	Usage  muster.Usage
	faults faults
}

func settingsOf(t *muster.Tenant) map[string]string {
	s := &t.Settings
	values := map[string]string{
		settingName: t.Name, settingHost: t.Host, settingRegion: s.PhoneRegion,
		settingUsers: strconv.FormatInt(s.UserLimit, 10), settingSpace: strconv.FormatInt(s.PersonalSpaceGB, 10),
	}
	if s.UniqueEmail {
		values[settingEmail] = "1"
	}
	for name, n := range map[string]int{settingMinLength: s.Password.MinLength, settingMaxLength: s.Password.MaxLength, settingMinClasses: s.Password.MinClasses} {
		if n != 0 {
			values[name] = strconv.Itoa(n)
		}
	}
	return values
}

func (v *visit) showSettings() error {
	return v.showSettingsWith(http.StatusOK, settingsForm{Values: settingsOf(v.tenant)})
}

func (v *visit) showSettingsWith(status int, f settingsForm) error {
	shot, err := v.Batches.Snapshot(v.ctx(), v.tenant.ID, muster.Keys{})
	if err != nil {
		return err
	}
	f.Usage = shot.Usage
	return v.show(status, settingsPage(v, f))
}

// ofInstallation reports whether the operator is the installation's, and so decides on what a tenant may have.
func (v *visit) ofInstallation() bool { return v.operator.Tenant == 0 }

func (v *visit) changeSettings() error {
	f := settingsForm{Values: settingsOf(v.tenant), faults: faults{}}
	for _, name := range settingFields {
		switch {
		case v.ofInstallation() || !slices.Contains(installationSettings[:], name):
			f.Values[name] = v.form(name)
		case v.r.PostForm.Has(name):
			return errInstallationSettings
		}
	}
	settings := v.settingsTyped(&f)
	if len(f.faults) > 0 {
		return v.showSettingsWith(http.StatusUnprocessableEntity, f)
	}
	change, what := v.settingsChange(&f, &settings)
	if len(what) == 0 {
		return v.goTo("/settings", v.T("The settings are what they were."))
	}
	muster.AuditDetail(v.ctx(), strings.Join(what, ", "))
	if _, err := v.Access.UpdateTenant(v.ctx(), v.tenant.ID, change); err != nil {
		wrong, status, err := v.faultsOf(err, settingFields[:]...)
		if err != nil {
			return err
		}
		for name, said := range wrong { // the API's name for it is nowhere on the page
			if rule, found := strings.CutPrefix(said, name+" "); found && name != "" {
				wrong[name] = v.setting(name) + " " + rule
			}
		}
		f.faults = wrong
		return v.showSettingsWith(status, f)
	}
	return v.goTo("/settings", v.T("The settings are changed."))
}

// settingsTyped reads settings, whose rules are the domain's. What is no number is a fault of its field.
func (v *visit) settingsTyped(f *settingsForm) muster.TenantSettings {
	number := func(name string) int64 {
		text := f.Values[name]
		if text == "" {
			return 0
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			f.faults[name] = v.T("A whole number is accepted, without separators.")
		}
		return n
	}
	return muster.TenantSettings{
		PhoneRegion: f.Values[settingRegion], UniqueEmail: f.Values[settingEmail] != "",
		UserLimit: number(settingUsers), PersonalSpaceGB: number(settingSpace),
		Password: muster.PasswordRule{
			MinLength: int(number(settingMinLength)), MaxLength: int(number(settingMaxLength)), MinClasses: int(number(settingMinClasses)),
		},
	}
}

// settingsChange is what is other than it was, and the names of that for the audit trail, which are the API's.
func (v *visit) settingsChange(f *settingsForm, s *muster.TenantSettings) (change access.TenantChange, what []string) {
	if name := f.Values[settingName]; name != v.tenant.Name {
		change.Name, what = &name, append(what, "name")
	}
	if host := f.Values[settingHost]; host != v.tenant.Host {
		change.Host, what = &host, append(what, "host")
	}
	was := &v.tenant.Settings
	if *s == *was {
		return change, what
	}
	change.Settings = s
	for _, part := range [...]struct {
		name  string
		other bool
	}{
		{"settings.phoneRegion", s.PhoneRegion != was.PhoneRegion}, {"settings.uniqueEmail", s.UniqueEmail != was.UniqueEmail},
		{"settings.userLimit", s.UserLimit != was.UserLimit}, {"settings.personalSpaceGB", s.PersonalSpaceGB != was.PersonalSpaceGB},
		{"settings.password", s.Password != was.Password},
	} {
		if part.other {
			what = append(what, part.name)
		}
	}
	return change, what
}
