package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"muster"
	"muster/api/native"
)

type tenantCmd struct {
	Create tenantCreateCmd `cmd:"" help:"Make a tenant with an administrator and a credential."`
	List   tenantListCmd   `cmd:"" help:"List tenants."`
	Show   tenantShowCmd   `cmd:"" help:"Show a tenant and who administers it."`
	Set    tenantSetCmd    `cmd:"" help:"Change a tenant's name, host or settings."`
}

// settingFlags are a tenant's settings. Those that are not given stay as they are.
type settingFlags struct {
	PhoneRegion     *string `env:"-" placeholder:"REGION" help:"Region in which a phone without international prefix is read, such as DE (ISO 3166-1); empty for none. Fixed once there are phones."`
	UniqueEmail     *bool   `env:"-" negatable:"" help:"Whether no two users may share an e-mail address."`
	UserLimit       *int64  `env:"-" placeholder:"N" help:"Number of users; 0 is no limit."`
	PersonalSpaceGB *int64  `env:"-" name:"personal-space" placeholder:"GB" help:"Quota from which users' capacities are taken, in GB."`
}

func (f *settingFlags) given() bool {
	return f.PhoneRegion != nil || f.UniqueEmail != nil || f.UserLimit != nil || f.PersonalSpaceGB != nil
}

func (f *settingFlags) patch() *native.SettingsPatch {
	return &native.SettingsPatch{
		PhoneRegion: f.PhoneRegion, UniqueEmail: f.UniqueEmail, UserLimit: f.UserLimit, PersonalSpaceGB: f.PersonalSpaceGB,
	}
}

type tenantCreateCmd struct {
	localFlags
	settingFlags
	pairFlags
	Name    string `arg:"" help:"Name of the tenant, unique in the installation."`
	Host    string `env:"-" placeholder:"HOST" help:"Host name by which the tenant's users reach it, unique in the installation."`
	ID      string `env:"-" placeholder:"ID" help:"Id that clients already hold for the tenant."`
	AdminID string `env:"-" placeholder:"ID" help:"Id that clients already hold for the administrator."`
}

func (c *tenantCreateCmd) Run(ctx context.Context, p *printer) (err error) {
	body := native.NewTenant{Name: c.Name, Host: c.Host}
	if body.ID, err = idFlag("--id", c.ID); err != nil {
		return err
	}
	if body.AdminID, err = idFlag("--admin-id", c.AdminID); err != nil {
		return err
	}
	credential, err := c.pair(p.In)
	if err != nil {
		return err
	}
	set(&body.Settings.PhoneRegion, c.PhoneRegion)
	set(&body.Settings.UniqueEmail, c.UniqueEmail)
	set(&body.Settings.UserLimit, c.UserLimit)
	set(&body.Settings.PersonalSpaceGB, c.PersonalSpaceGB)

	api, done, err := c.local(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	var t native.Tenant
	if err := api.call(ctx, http.MethodPost, "/tenants", body, &t); err != nil {
		return err
	}
	var issued native.Credential
	if err := api.call(ctx, http.MethodPost, "/tenants/"+t.ID.String()+"/credentials", credential, &issued); err != nil {
		return fmt.Errorf("the tenant %s was made, its credential was not (muster credential create makes one): %w", t.ID, err)
	}
	return printAccount(p, accountOf(&t, t.Administrators[0].ID, &issued))
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

func idFlag(flag, value string) (muster.ID, error) {
	if value == "" {
		return 0, nil
	}
	id, err := muster.ParseID(value)
	if err != nil {
		return 0, usagef("%s: %w", flag, err)
	}
	return id, nil
}

type tenantListCmd struct {
	lists
	localFlags
}

func (c *tenantListCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.local(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	var list native.Tenants
	if err := api.call(ctx, http.MethodGet, "/tenants", nil, &list); err != nil {
		return err
	}
	rows := make([][]string, len(list.Tenants))
	for i, t := range list.Tenants {
		rows[i] = []string{t.ID.String(), t.Name, stamp(t.CreatedAt)}
	}
	return p.list(list, "ID NAME CREATED", rows)
}

type tenantShowCmd struct {
	placeFlags
	Tenant string `arg:"" optional:"" help:"Id or name; not needed if there is only one."`
}

func (c *tenantShowCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	found, err := api.tenant(ctx, c.Tenant)
	if err != nil {
		return err
	}
	var t native.Tenant
	if err := api.call(ctx, http.MethodGet, api.whole(found.ID), nil, &t); err != nil {
		return err
	}
	return p.print(t, func(w io.Writer) {
		describeTenant(w, &t)
		for _, admin := range t.Administrators {
			_, _ = fmt.Fprintf(w, "administrator %s\n", admin.ID)
		}
	})
}

type tenantSetCmd struct {
	placeFlags
	settingFlags
	Tenant string  `arg:"" optional:"" help:"Id or name; not needed if there is only one."`
	Name   *string `env:"-" placeholder:"NAME" help:"Another name."`
	Host   *string `env:"-" placeholder:"HOST" help:"Host name by which the tenant's users reach it; empty for none."`
}

func (c *tenantSetCmd) Run(ctx context.Context, p *printer) (err error) {
	patch := native.TenantPatch{Name: c.Name, Host: c.Host}
	if c.given() {
		patch.Settings = c.patch()
	}
	if patch == (native.TenantPatch{}) {
		return usagef("nothing to set: give one of --name, --host, --phone-region, --unique-email, --user-limit, --personal-space")
	}
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	found, err := api.tenant(ctx, c.Tenant)
	if err != nil {
		return err
	}
	var t native.Tenant
	if err := api.call(ctx, http.MethodPatch, api.whole(found.ID), patch, &t); err != nil {
		return err
	}
	return p.print(t, func(w io.Writer) { describeTenant(w, &t) })
}

func describeTenant(w io.Writer, t *native.Tenant) {
	s := &t.Settings
	limit, users, space := "none", "", ""
	if s.UserLimit > 0 {
		limit = strconv.FormatInt(s.UserLimit, 10)
	}
	region := s.PhoneRegion
	if region == "" {
		region = "none"
	}
	if u := t.Usage; u != nil {
		users, space = strconv.FormatInt(u.Users, 10), strconv.FormatInt(u.PersonalSpaceGB, 10)+" GB"
	}
	pairs(w,
		[2]string{"id", t.ID.String()},
		[2]string{"name", t.Name},
		[2]string{"host", t.Host},
		[2]string{"root department", t.RootDepartmentID.String()},
		[2]string{"created", stamp(t.CreatedAt)},
		[2]string{"phone region", region},
		[2]string{"unique e-mail", strconv.FormatBool(s.UniqueEmail)},
		[2]string{"users", users},
		[2]string{"user limit", limit},
		[2]string{"space allocated", space},
		[2]string{"personal space", strconv.FormatInt(s.PersonalSpaceGB, 10) + " GB"},
	)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
