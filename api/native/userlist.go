package native

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/directory"
	"muster/spreadsheet"
	"muster/userfile"
)

// Users is a page of a tenant's users, by department and id, of all departments by id; of a search by the key.
type Users struct {
	Users []User `json:"users" nullable:"false"`
	Total int64  `json:"total,omitempty" doc:"on all pages; on the first page of a list alone, and never of a search by a prefix"`
	Next  string `json:"nextCursor,omitempty" doc:"cursor of the next page; absent on the last. A page may be shorter than asked for, even empty, and others follow"`
}

// userQuery says which users to list. Of account, phone, email and name there is one.
type userQuery struct {
	Tenant     pathID  `path:"tenant"`
	Department queryID `query:"departmentId" doc:"only users of this department and those below it"`
	Direct     bool    `query:"direct" doc:"only users of the department itself"`
	Keyword    string  `query:"keyword" doc:"only users with this in account, phone, e-mail or a name, letter case aside. All users are looked at: what users begin with is found at once"`
	Account    string  `query:"account" doc:"only whose account begins so, letter case aside; by account"`
	Phone      string  `query:"phone" doc:"only whose phone begins so, however it is written; by phone"`
	Email      string  `query:"email" doc:"only whose e-mail address begins so, letter case aside; by address"`
	Name       string  `query:"name" doc:"only whose displayName, firstName with surname, or surname begins so, letter case aside; by name"`
	Exact      bool    `query:"exact" doc:"only who has this account, phone or email: one or nobody. 409 if several have the address"`
	Cursor     string  `query:"cursor" doc:"a page's nextCursor"`
	Limit      int     `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"users on a page"`
}

// sought is a key that a query searches by.
type sought struct {
	by   directory.SearchKey
	key  muster.Key
	text string
}

// sought gives the key of a search; nil if the query is none.
func (q *userQuery) sought() (found *sought, err error) {
	for _, s := range [...]sought{
		{directory.SearchAccount, muster.KeyAccount, q.Account}, {directory.SearchPhone, muster.KeyPhone, q.Phone},
		{directory.SearchEmail, muster.KeyEmail, q.Email}, {directory.SearchName, muster.KeyNone, q.Name},
	} {
		switch {
		case s.text == "":
		case found != nil:
			return nil, &muster.Error{Kind: muster.KindInvalid, Field: s.by.String(), Detail: "Of account, phone, email and name, one is accepted."}
		default:
			found = &s
		}
	}
	switch {
	case found == nil && q.Exact, found != nil && q.Exact && found.key == muster.KeyNone:
		return nil, &muster.Error{Kind: muster.KindInvalid, Field: "exact", Detail: "exact is accepted with account, phone or email."}
	case found != nil && (q.Keyword != "" || q.Direct):
		return nil, &muster.Error{Kind: muster.KindInvalid, Field: found.by.String(), Detail: found.by.String() + " is accepted with departmentId, cursor and limit alone."}
	default:
		return found, nil
	}
}

func (a *api) listUsers(ctx context.Context, q *userQuery) (Users, error) {
	key, err := q.sought()
	switch {
	case err != nil:
		return Users{}, err
	case key != nil && q.Exact:
		return a.exactUser(ctx, q, key)
	case key != nil:
		return a.searchUsers(ctx, q, key)
	}
	list := directory.UserQuery{
		Department: q.Department.id, Direct: q.Direct, Keyword: q.Keyword, Limit: q.Limit,
	}
	kind := list.ListOf(actorOf(ctx))
	if list.After, err = kind.Parse(q.Cursor); err != nil {
		return Users{}, err
	}
	page, err := a.Users.List(ctx, q.Tenant.id, actorOf(ctx), list)
	if err != nil {
		return Users{}, err
	}
	answer := usersOf(page.Users)
	answer.Total, answer.Next = page.Total, kind.Cursor(page.Next(&list))
	return answer, nil
}

func usersOf(found []muster.User) Users {
	answer := Users{Users: make([]User, len(found))}
	for i := range found {
		answer.Users[i] = userOf(&found[i])
	}
	return answer
}

// exactUser finds the one who has a key.
func (a *api) exactUser(ctx context.Context, q *userQuery, key *sought) (Users, error) {
	u, err := a.Users.Find(ctx, q.Tenant.id, actorOf(ctx), key.key, key.text)
	if err != nil {
		return Users{Users: []User{}}, a.orNone(ctx, q.Tenant.id, err)
	}
	return usersOf([]muster.User{*u}), nil
}

func (a *api) searchUsers(ctx context.Context, q *userQuery, key *sought) (Users, error) {
	after, err := key.by.List().Parse(q.Cursor)
	if err != nil {
		return Users{}, err
	}
	found, err := a.Users.Search(ctx, q.Tenant.id, actorOf(ctx), directory.UserSearch{
		By: key.by, Prefix: key.text, Department: q.Department.id, After: after, Limit: q.Limit,
	})
	if err != nil {
		return Users{}, err
	}
	answer := usersOf(found.Users)
	answer.Next = key.by.List().Cursor(found.Next)
	return answer, nil
}

// exportQuery says which users to export.
type exportQuery struct {
	Tenant     pathID  `path:"tenant"`
	Department queryID `query:"departmentId" doc:"only users of this department and those below it"`
	Direct     bool    `query:"direct" doc:"only users of the department itself"`
	Keyword    string  `query:"keyword" doc:"only users with this in account, phone, e-mail or a name, letter case aside"`
	connection
}

func (a *api) addUserExport(h huma.API) {
	export := departmental(operation("export-users", http.MethodGet, "/tenants/{tenant}/users/export.csv", "Download users as CSV", "Users", http.StatusOK))
	export.Description = "In columns that an upload reads, without passwords. Cells that a spreadsheet would take for formulas have an apostrophe in front, which an upload takes off."
	export.Responses = fileResponse(spreadsheet.CSV)
	huma.Register(h, export, func(ctx context.Context, in *exportQuery) (*huma.StreamResponse, error) {
		q := directory.UserQuery{Department: in.Department.id, Direct: in.Direct, Keyword: in.Keyword}
		list, err := userfile.ExportOf(ctx, a.Users, a.Departments, in.Tenant.id, actorOf(ctx), q)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			fileHeader(hc, "users", spreadsheet.CSV)
			w := in.paced.Writer(hc.BodyWriter())
			if err := list.Write(hc.Context(), w); err != nil {
				if w.Err == nil && hc.Context().Err() == nil {
					a.Logger.ErrorContext(ctx, "an export of users broke off", "error", err)
				}
				panic(http.ErrAbortHandler) // so that nobody takes what he has for the whole
			}
		}}, nil
	})
}
