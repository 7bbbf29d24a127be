package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/api/native"
)

type userCmd struct {
	List    userListCmd    `cmd:"" help:"List users."`
	Show    userShowCmd    `cmd:"" help:"Show a user."`
	Set     userSetCmd     `cmd:"" help:"Move a user to another department, or let him administer more or less."`
	Disable userDisableCmd `cmd:"" help:"Let a user sign in no longer. He keeps everything, his seat too."`
	Enable  userEnableCmd  `cmd:"" help:"Undo disable."`
	Link    userLinkCmd    `cmd:"" help:"Make a one-time link by which a user sets his password."`
	Reset   userResetCmd   `cmd:"" help:"Give a user another password, or take it away."`
	Delete  userDeleteCmd  `cmd:"" help:"Delete a user, which frees his seat, capacity, account, phone and e-mail address."`
}

// userArg chooses a user of a tenant.
type userArg struct {
	tenantFlags
	User string `arg:"" help:"Id, phone, account or e-mail address of the user."`
}

// level is what a user may administer, as the command line calls it.
type level muster.AdminLevel

var levelNames = map[muster.AdminLevel]string{
	muster.LevelCommon:          "common",
	muster.LevelDepartmentAdmin: "department-admin",
	muster.LevelManager:         "manager",
	muster.LevelSystemAdmin:     "system-admin",
}

func (l *level) UnmarshalText(text []byte) error {
	for known, name := range levelNames {
		if name == string(text) {
			*l = level(known)
			return nil
		}
	}
	return fmt.Errorf("%q is not one of common, department-admin, manager and system-admin", text)
}

// user finds a user by his id or by whichever key is his; base is where the API has the tenant's things.
func (c *nativeClient) user(ctx context.Context, base, idOrKey string) (*native.User, error) {
	all := base + "/users"
	var no *refusal
	if _, err := muster.ParseID(idOrKey); err == nil {
		var u native.User
		err := c.call(ctx, http.MethodGet, all+"/"+idOrKey, nil, &u)
		if err == nil || !errors.As(err, &no) || no.Status != http.StatusNotFound {
			return &u, err
		}
		// It may be a phone, or an account that looks like an id.
	}
	for _, key := range [...]muster.Key{muster.KeyPhone, muster.KeyAccount, muster.KeyEmail} {
		var found native.Users
		err := c.call(ctx, http.MethodGet, all+"?exact=true&"+key.String()+"="+url.QueryEscape(idOrKey), nil, &found)
		switch {
		case errors.As(err, &no) && no.Status == http.StatusUnprocessableEntity: // it cannot be such a key
		case err != nil:
			return nil, err
		case len(found.Users) == 1:
			return &found.Users[0], nil
		}
	}
	return nil, &refusal{huma.ErrorModel{Status: http.StatusNotFound, Detail: fmt.Sprintf(
		"There is no user %q: an id, phone, account or e-mail address is accepted.", idOrKey)}}
}

// with finds the user for do, which base tells where the API has the tenant's things.
func (c *userArg) with(ctx context.Context, p *printer, do func(api *nativeClient, base string, u *native.User) error) (err error) {
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base, err := c.base(ctx, api)
	if err != nil {
		return err
	}
	u, err := api.user(ctx, base, c.User)
	if err != nil {
		return err
	}
	return do(api, base, u)
}

// patch changes the user, and prints what he is then.
func (c *userArg) patch(ctx context.Context, p *printer, patch func(api *nativeClient, base string) (native.UserPatch, error)) error {
	return c.with(ctx, p, func(api *nativeClient, base string, u *native.User) error {
		body, err := patch(api, base)
		if err != nil {
			return err
		}
		var changed native.User
		if err := api.call(ctx, http.MethodPatch, base+"/users/"+u.ID.String(), body, &changed); err != nil {
			return err
		}
		return printUser(p, &changed)
	})
}

func (c *userArg) disable(ctx context.Context, p *printer, disabled bool) error {
	return c.patch(ctx, p, func(*nativeClient, string) (native.UserPatch, error) {
		return native.UserPatch{Disabled: &disabled}, nil
	})
}

func printUser(p *printer, u *native.User) error {
	return p.print(u, func(w io.Writer) { describeUser(w, u) })
}

func describeUser(w io.Writer, u *native.User) {
	roles := make([]string, len(u.Roles))
	for i, id := range u.Roles {
		roles[i] = id.String()
	}
	pairs(w,
		[2]string{"id", u.ID.String()},
		[2]string{"name", userName(u)},
		[2]string{"account", u.Account},
		[2]string{"phone", u.Phone},
		[2]string{"e-mail", u.Email},
		[2]string{"department", u.Department.String()},
		[2]string{"level", levelNames[u.Level]},
		[2]string{"status", userStatus(u)},
		[2]string{"capacity", strconv.FormatInt(u.CapacityGB, 10) + " GB"},
		[2]string{"roles", strings.Join(roles, ", ")},
		[2]string{"created", stamp(u.CreatedAt)},
		[2]string{"changed", stamp(u.UpdatedAt)},
	)
}

func userName(u *native.User) string {
	return or(u.DisplayName, strings.TrimSpace(u.FirstName+" "+u.Surname))
}

func userStatus(u *native.User) string {
	switch {
	case u.Disabled:
		return "disabled"
	case !u.HasPassword:
		return "has no password yet"
	case u.MustChange:
		return "has to change his password"
	default:
		return "enabled"
	}
}

type userListCmd struct {
	tenantFlags
	Department string `env:"-" placeholder:"DEPARTMENT" help:"Id or path of the department whose users to list, with those of departments below it; the root if not given."`
	Direct     bool   `env:"-" help:"Leave out users of departments below it."`
	Keyword    string `env:"-" placeholder:"TEXT" help:"List only users with this in account, phone, e-mail or a name, letter case aside."`
	Offset     int    `env:"-" default:"0" placeholder:"N" help:"How many to leave out at the beginning."`
	Limit      int    `env:"-" default:"100" placeholder:"N" help:"How many to list at most, up to 1000."`
}

func (c *userListCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base, err := c.base(ctx, api)
	if err != nil {
		return err
	}
	query := url.Values{"offset": {strconv.Itoa(c.Offset)}, "limit": {strconv.Itoa(c.Limit)}, "direct": {strconv.FormatBool(c.Direct)}}
	if c.Department != "" {
		d, err := api.department(ctx, base, c.Department)
		if err != nil {
			return err
		}
		query.Set("department", d.ID.String())
	}
	if c.Keyword != "" {
		query.Set("keyword", c.Keyword)
	}
	var page native.Users
	if err := api.call(ctx, http.MethodGet, base+"/users?"+query.Encode(), nil, &page); err != nil {
		return err
	}
	return p.print(page, func(w io.Writer) {
		rows := make([][]string, len(page.Users))
		for i := range page.Users {
			u := &page.Users[i]
			rows[i] = []string{u.ID.String(), or(u.Account, or(u.Phone, "-")), or(userName(u), "-"), levelNames[u.Level], userStatus(u)}
		}
		table(w, "ID KEY NAME LEVEL STATUS", rows)
		if next := c.Offset + len(page.Users); int64(next) < page.Total {
			_, _ = fmt.Fprintf(w, "\n%d of %d users; --offset %d goes on.\n", len(page.Users), page.Total, next)
		}
	})
}

type userShowCmd struct{ userArg }

func (c *userShowCmd) Run(ctx context.Context, p *printer) error {
	return c.with(ctx, p, func(_ *nativeClient, _ string, u *native.User) error { return printUser(p, u) })
}

type userSetCmd struct {
	userArg
	Department string `env:"-" placeholder:"DEPARTMENT" help:"Id or path of his new department; / is the root."`
	Level      *level `env:"-" placeholder:"LEVEL" help:"common, department-admin (administers his department and those below it), manager (may submit batches) or system-admin."`
}

func (c *userSetCmd) Run(ctx context.Context, p *printer) error {
	if c.Department == "" && c.Level == nil {
		return usagef("nothing to set: give --department or --level")
	}
	return c.patch(ctx, p, func(api *nativeClient, base string) (native.UserPatch, error) {
		patch := native.UserPatch{Level: (*muster.AdminLevel)(c.Level)}
		if c.Department == "" {
			return patch, nil
		}
		d, err := api.department(ctx, base, c.Department)
		if err != nil {
			return patch, err
		}
		patch.Department = &d.ID
		return patch, nil
	})
}

type userDisableCmd struct{ userArg }

func (c *userDisableCmd) Run(ctx context.Context, p *printer) error { return c.disable(ctx, p, true) }

type userEnableCmd struct{ userArg }

func (c *userEnableCmd) Run(ctx context.Context, p *printer) error { return c.disable(ctx, p, false) }

type userDeleteCmd struct{ userArg }

func (c *userDeleteCmd) Run(ctx context.Context, p *printer) error {
	return c.with(ctx, p, func(api *nativeClient, base string, u *native.User) error {
		var gone native.User
		if err := api.call(ctx, http.MethodDelete, base+"/users/"+u.ID.String(), nil, &gone); err != nil {
			return err
		}
		return p.print(gone, func(w io.Writer) { _, _ = fmt.Fprintf(w, "The user %s is gone.\n", gone.ID) })
	})
}
