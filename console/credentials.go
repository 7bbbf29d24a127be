package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/access"
)

func credentialRoutes() []route {
	return []route{
		{pattern: "GET /credentials", scope: muster.ScopeAdminister, page: (*visit).listCredentials},
		{pattern: "POST /credentials", scope: muster.ScopeAdminister, action: "create-credential", page: (*visit).createCredential},
		{pattern: "GET /credentials/{appId}", scope: muster.ScopeAdminister, page: (*visit).showCredential},
		{pattern: "POST /credentials/{appId}/scopes", scope: muster.ScopeAdminister, action: "change-credential", page: (*visit).changeScopes},
		{pattern: "POST /credentials/{appId}/state", scope: muster.ScopeAdminister, action: "change-credential", page: (*visit).switchCredential},
		{pattern: "POST /credentials/{appId}/secret", scope: muster.ScopeAdminister, action: "rotate-credential", page: (*visit).rotateCredential},
	}
}

// pageRows is how many rows a page of a list has.
const pageRows = 50

// credentialForm is what was typed, and what is wrong with it.
type credentialForm struct {
	Name   string
	Scopes []string
	faults faults
}

// credentialList is a page of them.
type credentialList struct {
	Credentials []muster.Credential
	Next        string // query of the page behind; "" if there is none
	Form        credentialForm
}

func (v *visit) listCredentials() error {
	return v.showCredentials(http.StatusOK, credentialForm{Scopes: muster.AllScopes.Names()})
}

func (v *visit) showCredentials(status int, f credentialForm) error {
	all, err := v.Access.Credentials(v.ctx(), v.tenant.ID)
	if err != nil {
		return err
	}
	list := credentialList{Form: f}
	if after := v.r.URL.Query().Get("after"); after != "" {
		at := slices.IndexFunc(all, func(c muster.Credential) bool { return c.AppID == after })
		if at < 0 {
			return v.nowhere()
		}
		all = all[at+1:]
	}
	if len(all) > pageRows {
		all = all[:pageRows]
		list.Next = url.Values{"after": {all[pageRows-1].AppID}}.Encode()
	}
	list.Credentials = all
	return v.show(status, credentialsPage(v, list))
}

// scopes reads the boxes of a form. None at all is a fault: for the service it is all of them.
func (v *visit) scopes() (muster.Scopes, error) {
	scopes, err := muster.ParseScopes(v.formAll("scopes"))
	if err == nil && scopes == 0 {
		err = &muster.Error{Kind: muster.KindInvalid, Field: "scopes", Detail: "Choose at least one thing that the credential may do."}
	}
	return scopes, err
}

func (v *visit) createCredential() error {
	f := credentialForm{Name: v.form("name"), Scopes: v.formAll("scopes")}
	scopes, err := v.scopes()
	var made access.Issued
	if err == nil {
		made, err = v.Access.CreateCredential(v.ctx(), v.tenant.ID, access.NewCredential{Name: f.Name, Scopes: scopes})
	}
	if err != nil {
		wrong, status, err := v.faultsOf(err, "name", "scopes")
		if err != nil {
			return err
		}
		f.faults = wrong
		return v.showCredentials(status, f)
	}
	return v.show(http.StatusOK, credentialSecretPage(v, made.Credential, made.Secret))
}

// credential is the one that the path names.
func (v *visit) credential() (*muster.Credential, error) {
	all, err := v.Access.Credentials(v.ctx(), v.tenant.ID)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(c muster.Credential) bool { return c.AppID == v.r.PathValue("appId") })
	if at < 0 {
		return nil, &muster.Error{Kind: muster.KindNotFound, Detail: "The credential does not exist."}
	}
	return &all[at], nil
}

// credentialEdit is what was typed on a credential's page, and what is wrong with it.
type credentialEdit struct {
	Scopes  []string // nil: as they are
	Overlap string   // in hours
	faults  faults
}

const hoursOfDefault = int(access.DefaultOverlap / time.Hour)

func (v *visit) showCredential() error {
	return v.showCredentialWith(http.StatusOK, credentialEdit{})
}

func (v *visit) showCredentialWith(status int, e credentialEdit) error {
	c, err := v.credential()
	if err != nil {
		return err
	}
	if e.Scopes == nil && e.faults["scopes"] == "" {
		e.Scopes = c.Scopes.Names()
	}
	if e.Overlap == "" && e.faults["overlap"] == "" {
		e.Overlap = strconv.Itoa(hoursOfDefault)
	}
	return v.show(status, credentialPage(v, c, e))
}

func (v *visit) refuseCredential(err error, e credentialEdit) error {
	wrong, status, err := v.faultsOf(err, "scopes", "overlap")
	if err != nil {
		return err
	}
	e.faults = wrong
	return v.showCredentialWith(status, e)
}

// credentialPath is where a credential's page is.
func credentialPath(appID string) string { return "/credentials/" + url.PathEscape(appID) }

func (v *visit) changeScopes() error {
	scopes, err := v.scopes()
	if err == nil {
		muster.AuditDetail(v.ctx(), "scopes")
		_, err = v.Access.ChangeCredential(v.ctx(), v.tenant.ID, v.r.PathValue("appId"), access.CredentialChange{Scopes: &scopes})
	}
	if err != nil {
		return v.refuseCredential(err, credentialEdit{Scopes: v.formAll("scopes")})
	}
	return v.goTo(credentialPath(v.r.PathValue("appId")), v.T("The credential is changed."))
}

func (v *visit) switchCredential() error {
	disabled, said := v.form("disabled") != "", v.T("The credential is enabled.")
	if disabled {
		said = v.T("The credential is disabled: what it signs is refused, and its tokens have ended.")
	}
	muster.AuditDetail(v.ctx(), "disabled")
	_, err := v.Access.ChangeCredential(v.ctx(), v.tenant.ID, v.r.PathValue("appId"), access.CredentialChange{Disabled: &disabled})
	if err != nil {
		return v.refuseCredential(err, credentialEdit{})
	}
	return v.goTo(credentialPath(v.r.PathValue("appId")), said)
}

func (v *visit) rotateCredential() error {
	e := credentialEdit{Overlap: v.form("overlap")}
	const most = uint64(access.MaxOverlap / time.Hour)
	hours, err := strconv.ParseUint(e.Overlap, 10, 16)
	if err != nil || hours > most {
		return v.refuseCredential(&muster.Error{Kind: muster.KindInvalid, Field: "overlap", Detail: "The hours must be a whole number from 0 to 2160."}, e)
	}
	made, err := v.Access.RotateCredential(v.ctx(), v.tenant.ID, v.r.PathValue("appId"), time.Duration(hours)*time.Hour, "")
	if err != nil {
		return v.refuseCredential(err, e)
	}
	return v.show(http.StatusOK, credentialSecretPage(v, made.Credential, made.Secret))
}

// liveSecrets are those of a credential that have not expired, whether it is disabled or not, the newest first.
func (v *visit) liveSecrets(c *muster.Credential) []muster.Secret {
	enabled := *c
	enabled.Disabled = false
	return enabled.Live(v.Now())
}

// days is an age in whole days.
func (v *visit) days(since time.Time) string {
	const day = 24 * time.Hour
	return v.N(int64(v.Now().Sub(since)/day), "%s day old", "%s days old")
}

func scopeOptions(v *visit) []option {
	names := muster.AllScopes.Names()
	labels := [...]string{
		v.T("read: see users, departments, roles and batches"),
		v.T("provision: submit, cancel, retry and commit batches"),
		v.T("administer: change everything else, and read the audit trail"),
	}
	all := make([]option, len(names))
	for i, name := range names {
		all[i] = option{name, labels[i]}
	}
	return all
}

// example is a command to be pasted into a shell, which asks for the secret: on a command line others could read it.
type example struct{ ID, Says, Command string }

// examples call this server with the credential, within what it may do.
func (v *visit) examples(c *muster.Credential) []example {
	at := v.publicURL()
	call := quotedForShell(at + "/api/v1/tenant")
	switch {
	case c.Scopes.Has(muster.ScopeRead):
	case c.Scopes.Has(muster.ScopeAdminister):
		call = quotedForShell(at + "/api/v1/webhooks")
	default:
		call = "-H 'Content-Type: application/json' \\\n  -d '" + `{"operation":"create","match":"account","dryRun":true,"rows":[{"account":"ada","surname":"Lovelace"}]}` +
			"' \\\n  " + quotedForShell(at+"/api/v1/batches")
	}
	all := []example{{
		"curl", v.T("With curl, which asks for the secret as a password, gets a token for it and calls the API with that:"),
		"curl -sS -H \"Authorization: Bearer $(curl -sS -u " + c.AppID + " -d grant_type=client_credentials \\\n  " + quotedForShell(at+"/oauth2/token") +
			` | sed 's/.*"access_token":"\([^"]*\)".*/\1/')" \` + "\n  " + call,
	}}
	if !c.Scopes.Has(muster.ScopeProvision) {
		return all
	}
	profile := profileName(v.tenant.Name)
	add := example{
		"profile", v.T("With the command muster, which asks for the secret once and keeps it in a file that you alone can read:"),
		"muster profile add " + profile + " --url " + quotedForShell(at) + " --app-id=" + c.AppID,
	}
	importing := example{"import", v.T("Then this shows what importing a file of users would do, and changes nobody:"), "muster import users.csv --profile " + profile + " --dry-run"}
	if !c.Scopes.Has(muster.ScopeRead) { // then it may neither be tried nor wait for the outcomes
		add.Command += " --no-check"
		importing = example{"import", v.T("Then this imports a file of users:"), "muster import users.csv --profile " + profile}
	}
	return append(all, add, importing)
}

// quotedForShell is one word of a POSIX shell.
func quotedForShell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// profileName makes of a tenant's name one that muster profile add takes, which begins with no dash.
func profileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, name)
	if name = strings.Trim(name, "-"); name == "" {
		return "muster"
	}
	return name
}
