package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/api/native"
)

type userCmd struct {
	Find    userFindCmd    `cmd:"" help:"Find users by how an account, a phone, an e-mail address or a name begins."`
	List    userListCmd    `cmd:"" help:"List users."`
	Show    userShowCmd    `cmd:"" help:"Show a user."`
	Set     userSetCmd     `cmd:"" help:"Change a user's fields, all that are given or none."`
	Disable userDisableCmd `cmd:"" help:"Let a user sign in no longer. He keeps everything, his seat too."`
	Enable  userEnableCmd  `cmd:"" help:"Undo disable."`
	Link    userLinkCmd    `cmd:"" help:"Make a one-time link by which a user sets his password."`
	Reset   userResetCmd   `cmd:"" help:"Give a user another password, or take it away."`
	Export  userExportCmd  `cmd:"" help:"Write users to a CSV file, which import reads."`
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

// find finds the user for do, which base tells where the API has the tenant's things.
func (c *userArg) find(ctx context.Context, p *printer, do func(api *nativeClient, base string, u *native.User) error) error {
	return c.with(ctx, p, func(api *nativeClient, base string) error {
		u, err := api.user(ctx, base, c.User)
		if err != nil {
			return err
		}
		return do(api, base, u)
	})
}

// patch changes the user, and prints what he is then.
func (c *userArg) patch(ctx context.Context, p *printer, patch func(api *nativeClient, base string) (native.UserPatch, error)) error {
	return c.find(ctx, p, func(api *nativeClient, base string, u *native.User) error {
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
		[2]string{"source", u.Source},
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

// userHeading has the columns of a list of users.
const userHeading = "ID ACCOUNT PHONE EMAIL NAME LEVEL STATUS"

func userRows(users []native.User) [][]string {
	rows := make([][]string, len(users))
	for i := range users {
		u := &users[i]
		rows[i] = []string{u.ID.String(), u.Account, u.Phone, u.Email, userName(u), levelNames[u.Level], userStatus(u)}
	}
	return rows
}

// userFilter says which users.
type userFilter struct {
	Department string `env:"-" placeholder:"DEPARTMENT" help:"Id or path of the department whose users are meant, with those of departments below it; the root if not given."`
	Direct     bool   `env:"-" help:"Leave out users of departments below it."`
	Keyword    string `env:"-" placeholder:"TEXT" help:"Only users with this in account, phone, e-mail or a name, letter case aside. All users are looked at; find is faster."`
}

func (f *userFilter) query(ctx context.Context, api *nativeClient, base string) (url.Values, error) {
	query := url.Values{}
	if f.Direct {
		query.Set("direct", "true")
	}
	if f.Department != "" {
		d, err := api.department(ctx, base, f.Department)
		if err != nil {
			return nil, err
		}
		query.Set("departmentId", d.ID.String())
	}
	if f.Keyword != "" {
		query.Set("keyword", f.Keyword)
	}
	return query, nil
}

type userListCmd struct {
	lists
	userFilter
	Limit int `env:"-" default:"100" placeholder:"N" help:"How many to list at most."`
	tenantFlags
}

func (c *userListCmd) Run(ctx context.Context, p *printer) error {
	return c.with(ctx, p, func(api *nativeClient, base string) error {
		query, err := c.query(ctx, api, base)
		if err != nil {
			return err
		}
		all := native.Users{Users: []native.User{}}
		err = pages(c.Limit, query, func(query string) (int, string, error) {
			var page native.Users
			err := api.call(ctx, http.MethodGet, base+"/users?"+query, nil, &page)
			all.Users, all.Next, all.Total = append(all.Users, page.Users...), page.Next, max(all.Total, page.Total)
			return len(page.Users), page.Next, err
		})
		if err != nil {
			return err
		}
		return p.listAnd(all, userHeading, userRows(all.Users), func(w io.Writer) {
			if int64(len(all.Users)) < all.Total {
				_, _ = fmt.Fprintf(w, "\n%d of %d users; --limit lists more, and user export writes all.\n", len(all.Users), all.Total)
			}
		})
	})
}

type userFindCmd struct {
	lists
	Text  string   `arg:"" help:"How it begins."`
	By    []string `env:"-" enum:"account,phone,email,name" default:"account,phone,email,name" placeholder:"FIELD" help:"Where to look: account, phone, email and name."`
	Limit int      `env:"-" default:"20" placeholder:"N" help:"How many to list at most, up to 1000."`
	tenantFlags
}

func (c *userFindCmd) Run(ctx context.Context, p *printer) error {
	if c.Limit < 1 || c.Limit > maxPage {
		return usagef("--limit is %d, 1 to %d are accepted", c.Limit, maxPage)
	}
	return c.with(ctx, p, func(api *nativeClient, base string) error {
		found := native.Users{Users: []native.User{}}
		var wrong error
		asked := 0
		for _, by := range c.By {
			var page native.Users
			query := url.Values{by: {c.Text}, "limit": {strconv.Itoa(c.Limit)}}
			err := api.call(ctx, http.MethodGet, base+"/users?"+query.Encode(), nil, &page)
			var no *refusal
			switch {
			case errors.As(err, &no) && no.Status == http.StatusUnprocessableEntity: // no such field begins so
				wrong = err
				continue
			case err != nil:
				return err
			}
			asked++
			for i := range page.Users {
				known := func(u native.User) bool { return u.ID == page.Users[i].ID }
				if len(found.Users) < c.Limit && !slices.ContainsFunc(found.Users, known) {
					found.Users = append(found.Users, page.Users[i])
				}
			}
		}
		if asked == 0 {
			return wrong
		}
		return p.list(found, userHeading, userRows(found.Users))
	})
}

type userExportCmd struct {
	File string `arg:"" help:"File to be made, for its owner alone; - for standard output."`
	userFilter
	tenantFlags
}

func (c *userExportCmd) Help() string {
	return "The columns are those that import reads, without passwords; --match id has it find the same users. A cell that a spreadsheet would take for a " +
		"formula, as it does with +27..., has an apostrophe before it, which import takes off."
}

func (c *userExportCmd) Run(ctx context.Context, p *printer) error {
	return c.with(ctx, p, func(api *nativeClient, base string) error {
		query, err := c.query(ctx, api, base)
		if err != nil {
			return err
		}
		write := func(w io.Writer) error { return api.download(ctx, base+"/users/export.csv?"+query.Encode(), w) }
		if c.File == "-" {
			return write(p.Out)
		}
		return writeFile(c.File, write)
	})
}

type userShowCmd struct{ userArg }

func (c *userShowCmd) Run(ctx context.Context, p *printer) error {
	return c.find(ctx, p, func(_ *nativeClient, _ string, u *native.User) error { return printUser(p, u) })
}

type userSetCmd struct {
	userArg
	Department  string   `env:"-" placeholder:"DEPARTMENT" help:"Id or path of his new department; / is the root."`
	Level       *level   `env:"-" placeholder:"LEVEL" help:"common, department-admin (administers his department and those below it), manager (may submit batches) or system-admin."`
	Account     *string  `env:"-" placeholder:"ACCOUNT" help:"Another account; empty for none."`
	Phone       *string  `env:"-" placeholder:"PHONE" help:"Another phone; empty for none."`
	Email       *string  `env:"-" placeholder:"ADDRESS" help:"Another e-mail address; empty for none."`
	FirstName   *string  `env:"-" placeholder:"NAME" help:"Another first name; empty for none."`
	Surname     *string  `env:"-" placeholder:"NAME" help:"Another surname; empty for none."`
	DisplayName *string  `env:"-" placeholder:"NAME" help:"Another display name; empty for none."`
	Capacity    *int64   `env:"-" placeholder:"GB" help:"Personal space, of the tenant's; 0 for none."`
	Roles       []string `env:"-" placeholder:"ID" help:"Ids of the roles that he has from now on; none takes all away."`
}

func (c *userSetCmd) Run(ctx context.Context, p *printer) error {
	roles, err := c.roleIDs()
	if err != nil {
		return err
	}
	patch := native.UserPatch{
		Level: (*muster.AdminLevel)(c.Level), Account: c.Account, Phone: c.Phone, Email: c.Email, FirstName: c.FirstName, Surname: c.Surname,
		DisplayName: c.DisplayName, CapacityGB: c.Capacity, Roles: roles,
	}
	if patch == (native.UserPatch{}) && c.Department == "" {
		return usagef("nothing to set: give --department, --level or another of the flags that --help shows")
	}
	return c.patch(ctx, p, func(api *nativeClient, base string) (native.UserPatch, error) {
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

// roleIDs reads --roles; nil where it was not given.
func (c *userSetCmd) roleIDs() (*[]muster.ID, error) {
	if len(c.Roles) == 0 {
		return nil, nil //nolint:nilnil // roles stay
	}
	ids := []muster.ID{}
	for _, text := range c.Roles {
		if text == "none" {
			continue
		}
		id, err := idFlag("--roles", text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return &ids, nil
}

type userDisableCmd struct{ userArg }

func (c *userDisableCmd) Run(ctx context.Context, p *printer) error { return c.disable(ctx, p, true) }

type userEnableCmd struct{ userArg }

func (c *userEnableCmd) Run(ctx context.Context, p *printer) error { return c.disable(ctx, p, false) }

type userDeleteCmd struct{ userArg }

func (c *userDeleteCmd) Run(ctx context.Context, p *printer) error {
	return c.find(ctx, p, func(api *nativeClient, base string, u *native.User) error {
		var gone native.User
		if err := api.call(ctx, http.MethodDelete, base+"/users/"+u.ID.String(), nil, &gone); err != nil {
			return err
		}
		return p.print(gone, func(w io.Writer) { _, _ = fmt.Fprintf(w, "The user %s is gone.\n", gone.ID) })
	})
}
