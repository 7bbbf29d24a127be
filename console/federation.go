package console

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"muster"
	"muster/mapping"
)

func federationRoutes() []route {
	return []route{
		{pattern: "GET /federation", scope: muster.ScopeAdminister, page: (*visit).showFederation},
		{pattern: "POST /federation", scope: muster.ScopeAdminister, action: "set-federation", page: (*visit).setFederation},
		{pattern: "POST /federation/trial", scope: muster.ScopeAdminister, page: (*visit).tryFederation},
	}
}

// Trier finds out what would become of a federated user by the profile, and changes nothing. KindNotFound if there is no such
// tenant.
type Trier interface {
	TryFederated(ctx context.Context, tenant muster.ID, profile *muster.FederationProfile, user *muster.FederatedUser) (*muster.FederationTrial, error)
}

// The fields of the form, by the names that refusals call them by.
const (
	systemKind    = "system.kind"
	systemID      = "system.id"
	systemURL     = "system.url"
	systemPrivate = "system.allowPrivate"
	systemSecret  = "system.secret"
	systemForget  = "system.secret.none"

	mappingNone = "mapping.none"

	accountRule  = "account" // as a whole
	accountLeast = "account.minLength"
	accountMost  = "account.maxLength"
	accountSigns = "account.characters"

	limitAccount    = "limits.account"
	limitUserName   = "limits.userName"
	limitEmail      = "limits.email"
	limitEmailLocal = "limits.emailLocal"
	limitRoles      = "limits.roles"

	rowAction   = "row.action"
	rowAccount  = "row.userAccount"
	rowUserName = "row.userName"
	rowEmail    = "row.email"
	rowRoles    = "row.roleIds"
	rowJSON     = "row.json"

	kindNone = "none" // no identity system
)

// rulePart is one of the expressions of a mapping rule.
type rulePart struct {
	Name string // of the field
	of   func(*muster.MappingRule) *string
}

func ruleParts() []rulePart {
	return []rulePart{
		{"mapping.condition", func(r *muster.MappingRule) *string { return &r.Condition }},
		{"mapping.account", func(r *muster.MappingRule) *string { return &r.Account }},
		{"mapping.displayName", func(r *muster.MappingRule) *string { return &r.DisplayName }},
		{"mapping.email", func(r *muster.MappingRule) *string { return &r.Email }},
		{"mapping.roles", func(r *muster.MappingRule) *string { return &r.Roles }},
	}
}

// numbersOf are the profile's figures, by field.
func numbersOf(p *muster.FederationProfile) map[string]*int {
	return map[string]*int{
		accountLeast: &p.Account.MinLength, accountMost: &p.Account.MaxLength, limitAccount: &p.Limits.Account, limitUserName: &p.Limits.UserName,
		limitEmail: &p.Limits.Email, limitEmailLocal: &p.Limits.EmailLocal, limitRoles: &p.Limits.Roles,
	}
}

// federationForm is what was typed, by field, and what came of it.
type federationForm struct {
	Values    map[string]string // without the secret, which nobody reads again
	HasSecret bool
	Trial     *muster.FederationTrial // nil: nothing was tried
	At        map[string]spot         // where expressions are wrong, by field
	faults    faults
}

func (v *visit) showFederation() error {
	p, err := v.Federation.Profile(v.ctx(), v.tenant.ID)
	if err != nil {
		return err
	}
	f := federationForm{Values: map[string]string{systemKind: kindNone, accountSigns: p.Account.Characters, rowAction: muster.ActionCreate.String()}}
	if s := p.System; s != nil {
		f.Values[systemKind], f.Values[systemID], f.Values[systemURL] = s.Kind, s.ID, s.URL
		if s.AllowPrivate {
			f.Values[systemPrivate] = "1"
		}
	}
	if p.Mapping == nil {
		f.Values[mappingNone] = "1"
	} else {
		for _, part := range ruleParts() {
			f.Values[part.Name] = *part.of(p.Mapping)
		}
	}
	for name, n := range numbersOf(p) {
		if *n != 0 {
			f.Values[name] = strconv.Itoa(*n)
		}
	}
	return v.showProfile(http.StatusOK, &f)
}

func (v *visit) showProfile(status int, f *federationForm) error {
	p, err := v.Federation.Profile(v.ctx(), v.tenant.ID)
	if err != nil {
		return err
	}
	f.HasSecret = p.System != nil && p.System.Sealed != nil
	return v.show(status, federationPage(v, f))
}

func (v *visit) setFederation() error {
	f, profile, secret := v.federationTyped()
	if len(f.faults) > 0 {
		return v.showProfile(http.StatusUnprocessableEntity, f)
	}
	if _, err := v.Federation.SetProfile(v.ctx(), v.tenant.ID, profile, secret); err != nil {
		return v.refuseProfile(f, err)
	}
	return v.goTo("/federation", v.T("The federation profile is stored, and counts from the next row on."))
}

// tryFederation tries a row by the profile as it was typed, of which nothing is stored.
func (v *visit) tryFederation() error {
	f, profile, secret := v.federationTyped()
	user := v.rowTyped(f)
	if len(f.faults) > 0 {
		return v.showProfile(http.StatusUnprocessableEntity, f)
	}
	draft, err := v.Federation.Draft(v.ctx(), v.tenant.ID, profile, secret)
	if err == nil {
		f.Trial, err = v.Trier.TryFederated(v.ctx(), v.tenant.ID, draft, user)
	}
	if err != nil {
		return v.refuseProfile(f, err)
	}
	if part := "mapping." + f.Trial.Field; f.Trial.Reason == muster.ReasonMapping.String() && f.Values[part] != "" {
		f.At[part] = spotOf(f.Values[part], f.Trial.Detail)
		f.faults = faults{part: v.sentence(f.Trial.Detail)}
	}
	return v.showProfile(http.StatusOK, f)
}

// refuseProfile shows the form with what is wrong.
func (v *visit) refuseProfile(f *federationForm, err error) error {
	fields := []string{systemKind, systemID, systemURL, systemSecret, accountSigns, accountRule}
	for name := range numbersOf(&muster.FederationProfile{}) {
		fields = append(fields, name)
	}
	wrong, status, err := v.faultsOf(err, fields...)
	if err != nil {
		return err
	}
	if said, found := wrong[accountRule]; found {
		wrong = faults{accountLeast: said}
	}
	f.faults = wrong
	return v.showProfile(status, f)
}

// federationTyped reads the form: the profile, and the secret, nil to keep the one there is. Faults are all those of
// expressions, each beside its field, and of what is no number; the rest is the domain's to find.
func (v *visit) federationTyped() (*federationForm, *muster.FederationProfile, *string) {
	f := &federationForm{Values: map[string]string{}, At: map[string]spot{}, faults: faults{}}
	for name := range v.r.PostForm {
		if name != systemSecret && name != csrfField {
			f.Values[name] = strings.ReplaceAll(v.form(name), "\r\n", "\n")
		}
	}
	p := &muster.FederationProfile{Account: muster.AccountRule{Characters: f.Values[accountSigns]}}
	for name, n := range numbersOf(p) {
		if text := f.Values[name]; text != "" {
			var err error
			if *n, err = strconv.Atoi(text); err != nil {
				f.faults[name] = v.T("A whole number is accepted, without separators.")
			}
		}
	}
	if f.Values[mappingNone] == "" {
		p.Mapping = v.ruleTyped(f)
	}
	if f.Values[systemKind] == kindNone {
		return f, p, nil
	}
	p.System = &muster.IdentitySystem{ID: f.Values[systemID], Kind: f.Values[systemKind]}
	if p.System.Kind == muster.SystemLocal { // what is typed of the other kind waits for that
		return f, p, nil
	}
	p.System.URL, p.System.AllowPrivate = f.Values[systemURL], f.Values[systemPrivate] != ""
	secret := v.secretField(systemSecret)
	if secret == "" && f.Values[systemForget] == "" {
		return f, p, nil
	}
	return f, p, &secret
}

// ruleTyped reads the mapping rule, and compiles each expression alone, so that all mistakes are shown at once.
func (v *visit) ruleTyped(f *federationForm) *muster.MappingRule {
	rule := &muster.MappingRule{}
	for _, part := range ruleParts() {
		var alone muster.MappingRule
		text := f.Values[part.Name]
		*part.of(rule), *part.of(&alone) = text, text
		if _, err := mapping.Compile(&alone); err != nil {
			_, said := v.refusal(err)
			f.faults[part.Name], f.At[part.Name] = said, spotOf(text, err.Error())
		}
	}
	return rule
}

// rowTyped reads the row to try: the JSON if there is any, else the fields, of which those that are empty are absent.
func (v *visit) rowTyped(f *federationForm) *muster.FederatedUser {
	user := &muster.FederatedUser{}
	if text := f.Values[rowJSON]; text != "" {
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(user); err != nil || d.More() {
			f.faults[rowJSON] = v.T("One user in JSON is accepted, with the fields action, userAccount, userName, email and roleIds.")
		}
		return user
	}
	user.Action, user.UserAccount = f.Values[rowAction], f.Values[rowAccount]
	for name, to := range map[string]**string{rowUserName: &user.UserName, rowEmail: &user.Email} {
		if text := f.Values[name]; text != "" {
			*to = &text
		}
	}
	user.RoleIDs = strings.FieldsFunc(f.Values[rowRoles], func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
	if len(user.RoleIDs) == 0 {
		user.RoleIDs = nil
	}
	return user
}

// spot is a place in an expression: its line, cut where the mistake is. Line 0 is none.
type spot struct {
	Line               int
	Before, At, Behind string
}

// spotOf finds the place that an error tells of an expression.
func spotOf(text, detail string) spot {
	line, column := mapping.Place(detail)
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) {
		return spot{}
	}
	runes := []rune(lines[line-1])
	at := min(max(column-1, 0), len(runes))
	end := min(at+1, len(runes))
	return spot{line, string(runes[:at]), string(runes[at:end]), string(runes[end:])}
}

// shown is what is marked: behind the end of a line there is nothing to see.
func (s spot) shown() string { return cmp.Or(strings.TrimSpace(s.At), "␣") }

// reasonOf is why the row fails, in the words that batches' pages have for it.
func reasonOf(t *muster.FederationTrial) reasonText {
	for reason, text := range reasonTexts {
		if reason != muster.ReasonNone && reason.String() == t.Reason {
			return text
		}
	}
	return reasonText{}
}

// roleIDs are those of a mapped user.
func roleIDs(u *muster.MappedUser) string {
	var all []string
	for _, id := range u.RoleIDs {
		all = append(all, id.String())
	}
	return strings.Join(all, ", ")
}
