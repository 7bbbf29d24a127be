package native

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/directory"
	"muster/spreadsheet"
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
	page, next, err := a.pageOfUsers(ctx, q.Tenant.id, list, q.Cursor)
	if err != nil {
		return Users{}, err
	}
	answer := usersOf(page.Users)
	answer.Total, answer.Next = page.Total, next
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
	kind := 'A' + byte(key.by)
	after, err := parseUserCursor(kind, q.Cursor)
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
	if found.Next != nil {
		answer.Next = userCursor(kind, *found.Next)
	}
	return answer, nil
}

// pageOfUsers gives a page of a list behind a cursor, and the cursor of the next.
func (a *api) pageOfUsers(ctx context.Context, tenant muster.ID, q directory.UserQuery, cursor string) (page *directory.UserPage, next string, err error) {
	kind := cursorAll
	if q.Department != 0 || actorOf(ctx).Scope() != 0 || q.Direct {
		kind = cursorDepartment
	}
	if q.After, err = parseUserCursor(kind, cursor); err != nil {
		return nil, "", err
	}
	if page, err = a.Users.List(ctx, tenant, actorOf(ctx), q); err != nil {
		return nil, "", err
	}
	if n := len(page.Users); n == q.Limit {
		last := &page.Users[n-1]
		next = userCursor(kind, directory.UserMark{Department: last.Department, User: last.ID})
	}
	return page, next, nil
}

// exportPage is how many users of an export are in memory at once.
const exportPage = 1000

// exportColumns are such as an upload reads.
var exportColumns = [...]string{
	spreadsheet.FieldID, spreadsheet.FieldAccount, spreadsheet.FieldPhone, spreadsheet.FieldEmail, spreadsheet.FieldFirstName,
	spreadsheet.FieldSurname, spreadsheet.FieldDisplayName, spreadsheet.FieldDepartment, spreadsheet.FieldCapacityGB,
	spreadsheet.FieldAdminLevel, spreadsheet.FieldRoleIDs, spreadsheet.FieldStatus,
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
		q := directory.UserQuery{Department: in.Department.id, Direct: in.Direct, Keyword: in.Keyword, Limit: exportPage}
		page, next, err := a.pageOfUsers(ctx, in.Tenant.id, q, "")
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			in.unbound()
			fileHeader(hc, "users", spreadsheet.CSV)
			w := &pacedWriter{w: hc.BodyWriter(), of: &in.connection}
			e := &userExport{api: a, tenant: in.Tenant.id, query: q, paths: map[muster.ID]string{}}
			if err := e.write(hc.Context(), w, page, next); err != nil {
				if w.err == nil && hc.Context().Err() == nil {
					a.Logger.ErrorContext(ctx, "an export of users broke off", "error", err)
				}
				panic(http.ErrAbortHandler) // so that nobody takes what he has for the whole
			}
		}}, nil
	})
}

// userExport writes users page by page.
type userExport struct {
	*api
	tenant muster.ID
	query  directory.UserQuery
	paths  map[muster.ID]string // of the departments met so far
}

func (e *userExport) write(ctx context.Context, w *pacedWriter, page *directory.UserPage, next string) error {
	out, err := spreadsheet.NewWriter(w, spreadsheet.WriterOptions{Format: spreadsheet.CSV, Columns: exportColumns[:], Mark: true})
	if err != nil {
		return err
	}
	for {
		for i := range page.Users {
			u := &page.Users[i]
			path, err := e.path(ctx, u.Department)
			if err != nil {
				return err
			}
			if err := out.Write(exportCells(u, path)); err != nil {
				return err
			}
		}
		if next == "" {
			return out.Close()
		}
		if page, next, err = e.pageOfUsers(ctx, e.tenant, e.query, next); err != nil {
			return err
		}
	}
}

// path is the department's as an upload reads it: names from below the root, joined by slashes.
func (e *userExport) path(ctx context.Context, id muster.ID) (string, error) {
	path, known := e.paths[id]
	if known {
		return path, nil
	}
	d, err := e.Departments.Get(ctx, e.tenant, actorOf(ctx), id)
	switch {
	case muster.KindOf(err) == muster.KindNotFound: // he was moved, and his department deleted, just now
	case err != nil:
		return "", err
	default:
		path = strings.TrimPrefix(d.NamePath, "/")
	}
	e.paths[id] = path
	return path, nil
}

func exportCells(u *muster.User, path string) []spreadsheet.Cell {
	status := "enabled"
	if u.Disabled {
		status = "disabled"
	}
	roles := make([]string, len(u.Roles))
	for i, id := range u.Roles {
		roles[i] = id.String()
	}
	cells := spreadsheet.Texts(
		u.ID.String(), u.Account, u.Phone, u.Email, u.FirstName, u.Surname, u.DisplayName, path,
		strconv.FormatInt(u.CapacityGB, 10), strconv.Itoa(int(u.Level)), strings.Join(roles, ";"), status,
	)
	return cells
}
