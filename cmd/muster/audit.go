package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"muster/api/native"
)

type auditCmd struct {
	lists
	tenantFlags
	Installation bool   `env:"-" help:"What was done to the installation itself, such as a rotation of its keys, and not to a tenant."`
	Since        moment `env:"-" placeholder:"TIME" help:"Only what was done then or later: a date, a time such as 2026-03-04T05:06:07Z, or how long ago, such as 24h or 7d."`
	Until        moment `env:"-" placeholder:"TIME" help:"Only what was done before, given likewise."`
	Action       string `env:"-" placeholder:"ACTION" help:"Only what was done by this operation, such as change-user."`
	User         string `env:"-" placeholder:"ID" help:"Only what this user did, or was done on his behalf."`
	Target       string `env:"-" placeholder:"TARGET" help:"Only what was done to this, such as 'user 1505084218764547200'."`
	Limit        int    `env:"-" default:"100" placeholder:"N" help:"How many at most."`
}

// moment is a time on the command line, or nothing.
type moment string

// at is the time in the API's form, given that it is now.
func (m moment) at(flag string, now time.Time) (string, error) {
	var ago period
	if err := ago.UnmarshalText([]byte(m)); err == nil {
		return now.Add(-time.Duration(ago)).UTC().Format(time.RFC3339), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, string(m)); err == nil {
			return t.UTC().Format(time.RFC3339Nano), nil
		}
	}
	return "", usagef("%s: %q is neither a date, nor a time such as 2026-03-04T05:06:07Z, nor a duration such as 24h or 7d", flag, string(m))
}

const auditHeading = "TIME WHO FROM ACTION TARGET DETAIL"

func auditRow(r *native.AuditRecord) []string {
	var who []string
	if r.Operator {
		who = append(who, "operator")
	}
	if r.AppID != "" {
		who = append(who, "app "+r.AppID)
	}
	if r.User != 0 {
		who = append(who, "user "+r.User.String())
	}
	if len(who) == 0 {
		who = append(who, "muster")
	}
	return []string{stamp(r.At), strings.Join(who, ", "), r.From, r.Action, r.Target, r.Detail}
}

func (c *auditCmd) query() (url.Values, error) {
	query := url.Values{}
	if _, err := idFlag("--user", c.User); err != nil {
		return nil, err
	}
	now := time.Now()
	for _, bound := range []struct {
		name string
		moment
	}{{"since", c.Since}, {"until", c.Until}} {
		if bound.moment == "" {
			continue
		}
		at, err := bound.at("--"+bound.name, now)
		if err != nil {
			return nil, err
		}
		query.Set(bound.name, at)
	}
	for name, value := range map[string]string{"action": c.Action, "user": c.User, "target": c.Target} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query, nil
}

func (c *auditCmd) Run(ctx context.Context, p *printer) (err error) {
	query, err := c.query()
	if err != nil {
		return err
	}
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base := ""
	switch {
	case !c.Installation:
		base, err = c.base(ctx, api)
	case api.own:
		err = usagef("--installation: what was done to an installation is shown on its own machine alone")
	}
	if err != nil {
		return err
	}
	trail := native.AuditTrail{Records: []native.AuditRecord{}}
	err = pages(c.Limit, query, func(query string) (int, string, error) {
		var page native.AuditTrail
		err := api.call(ctx, http.MethodGet, base+"/audit?"+query, nil, &page)
		trail.Records, trail.Next = append(trail.Records, page.Records...), page.Next
		return len(page.Records), page.Next, err
	})
	if err != nil {
		return err
	}
	rows := make([][]string, len(trail.Records))
	for i := range trail.Records {
		rows[i] = auditRow(&trail.Records[i])
	}
	return p.list(trail, auditHeading, rows)
}
