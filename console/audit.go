package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"muster"
)

func auditRoutes() []route {
	return []route{{pattern: "GET /audit", scope: muster.ScopeAdminister, page: (*visit).showAudit}}
}

// The fields of the form by which records are found, which are those of the address.
const (
	auditOf     = "of" // tenant, or installation
	auditAction = "action"
	auditWho    = "who"
	auditTarget = "target"
	auditSince  = "since"
	auditUntil  = "until"

	installationTrail = "installation"

	maxAction = 64  // bytes, as the API has it
	maxTarget = 256 // bytes
)

var auditFields = [...]string{auditOf, auditAction, auditWho, auditTarget, auditSince, auditUntil}

// auditFilter says which records are shown, as it was typed, and what is wrong with it.
type auditFilter struct {
	Values map[string]string
	faults faults
}

// auditFacts are a page of the trail.
type auditFacts struct {
	Filter    auditFilter
	Records   []muster.AuditRecord
	Operators []muster.Operator // whom the operator sees
	Next      string            // query of the page behind; "" if there is none
}

func (v *visit) showAudit() error {
	facts := auditFacts{Filter: v.auditFilter()}
	var err error
	if facts.Operators, err = v.Operators.List(v.ctx(), v.operator); err != nil {
		return err
	}
	query := facts.Filter.query(v)
	if query.Before, err = v.cursorID("before"); err != nil {
		return err
	}
	if len(facts.Filter.faults) > 0 {
		return v.show(http.StatusUnprocessableEntity, auditPage(v, facts))
	}
	trail := v.tenant.ID
	if facts.Filter.Values[auditOf] == installationTrail {
		if !v.ofInstallation() {
			return v.nowhere()
		}
		trail = 0
	}
	page, err := v.Audit.Audit(v.ctx(), trail, query)
	if err != nil {
		return err
	}
	facts.Records = page.Records
	if page.Next != 0 {
		facts.Next = facts.Filter.with("before", page.Next.String())
	}
	return v.show(http.StatusOK, auditPage(v, facts))
}

func (v *visit) auditFilter() auditFilter {
	f := auditFilter{Values: map[string]string{}, faults: faults{}}
	sent := v.r.URL.Query()
	for _, name := range auditFields {
		f.Values[name] = strings.TrimSpace(sent.Get(name))
	}
	return f
}

// query reads the filter. What is wrong with it becomes its faults. Days are those of UTC, and the last one is wanted whole.
func (f *auditFilter) query(v *visit) muster.AuditQuery {
	q := muster.AuditQuery{Action: f.Values[auditAction], Target: f.Values[auditTarget], Limit: pageRows}
	for name, most := range map[string]int{auditAction: maxAction, auditTarget: maxTarget} {
		if text := f.Values[name]; len(text) > most || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			f.faults[name] = v.T("At most %s characters of ASCII are accepted.", v.number(int64(most)))
		}
	}
	if who := f.Values[auditWho]; who != "" {
		id, err := muster.ParseID(who)
		if err != nil {
			f.faults[auditWho] = v.T("The id of an operator or a user is accepted.")
		}
		q.User = id
	}
	day := func(name string) time.Time {
		text := f.Values[name]
		if text == "" {
			return time.Time{}
		}
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			f.faults[name] = v.T("A day such as 2026-03-04 is accepted.")
		}
		return at
	}
	q.Since, q.Until = day(auditSince), day(auditUntil)
	if !q.Until.IsZero() {
		q.Until = q.Until.AddDate(0, 0, 1)
	}
	return q
}

// with is the query of an address: the filter with one more value, or another one.
func (f *auditFilter) with(name, value string) string {
	query := url.Values{}
	for field, typed := range f.Values {
		if typed != "" {
			query.Set(field, typed)
		}
	}
	query.Set(name, value)
	return query.Encode()
}

// narrowed reports whether anything is looked for.
func (f *auditFilter) narrowed() bool {
	for name, typed := range f.Values {
		if typed != "" && name != auditOf {
			return true
		}
	}
	return false
}

// whoOptions are the operators, the first of them where there are many, and whoever else is looked for.
func (f *auditFacts) whoOptions(v *visit) []option {
	all := []option{{"", v.T("Anybody")}}
	chosen := f.Filter.Values[auditWho]
	found := chosen == ""
	for i := range f.Operators {
		id := f.Operators[i].ID.String()
		if i < maxChoice || id == chosen {
			all = append(all, option{id, f.Operators[i].Name})
		}
		found = found || id == chosen
	}
	if !found {
		all = append(all, option{chosen, v.T("Id %s", chosen)})
	}
	return all
}

func trailOptions(v *visit) []option {
	return []option{{"", v.tenant.Name}, {installationTrail, v.T("The installation")}}
}

// who says who did what a record tells of: operators by name, as far as they are there and seen.
func (f *auditFacts) who(v *visit, r *muster.AuditRecord) string {
	switch {
	case r.Operator && r.User != 0:
		for i := range f.Operators {
			if f.Operators[i].ID == r.User {
				return f.Operators[i].Name
			}
		}
		return v.T("Operator %s", r.User.String())
	case r.Operator:
		return v.T("Somebody at the server itself")
	case r.AppID != "" && r.User != 0:
		return v.T("Application %s for user %s", r.AppID, r.User.String())
	case r.AppID != "":
		return v.T("Application %s", r.AppID)
	case r.User != 0:
		return v.T("User %s", r.User.String())
	default:
		return v.T("Muster by itself")
	}
}
