package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"muster"
	"muster/directory"
	"muster/spreadsheet"
	"muster/userfile"
)

func userRoutes() []route {
	return []route{
		{pattern: "GET /users", scope: muster.ScopeRead, page: (*visit).listUsers},
		{pattern: "GET /users/export.csv", scope: muster.ScopeRead, page: (*visit).exportUsers},
		{pattern: "GET /users/new", scope: muster.ScopeAdminister, page: (*visit).newUser},
		{pattern: "POST /users", scope: muster.ScopeAdminister, action: "create-user", page: (*visit).createUser},
		{pattern: "GET /users/{user}", scope: muster.ScopeRead, page: (*visit).showUser},
		{pattern: "POST /users/{user}", scope: muster.ScopeAdminister, action: "change-user", page: (*visit).changeUser},
		{pattern: "POST /users/{user}/state", scope: muster.ScopeAdminister, action: "change-user", page: (*visit).switchUser},
		{pattern: "POST /users/{user}/link", scope: muster.ScopeAdminister, action: "create-link", page: (*visit).linkUser},
		{pattern: "POST /users/{user}/removal", scope: muster.ScopeAdminister, action: "delete-user", page: (*visit).removeUser},
	}
}

// actor is on whose behalf the directory is asked. Operators administer a tenant as a whole; what they may do of that, their
// role says.
func (v *visit) actor() muster.Actor { return muster.Actor{Level: muster.LevelSystemAdmin} }

// userQuestion is what the list of users is asked for.
type userQuestion struct {
	By, Text   string // the key that is searched, and what it begins with, as typed; without Text all are listed
	Department string // path of names, as typed; "" is all
	Direct     bool   // of the department itself, not of those below it
	Role       string // id of a role; who has it is listed, whatever else is asked
	faults     faults
}

// userList is a page of users.
type userList struct {
	Ask         userQuestion
	Users       []muster.User
	Paths       map[muster.ID]string // of their departments
	Total       int64                // on all pages; 0 on others than the first, and of a search
	Next        string               // query of the page behind; "" if there is none
	Departments []string             // paths to choose from
	Role        *muster.Role         // that all of them have; nil if none was asked for
}

// query is the question in an address.
func (q *userQuestion) query() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"by": q.By, "q": q.Text, "department": q.Department, "role": q.Role} {
		if value != "" && (name != "by" || q.Text != "") {
			values.Set(name, value)
		}
	}
	if q.Direct {
		values.Set("direct", "1")
	}
	return values
}

// list is the question without search.
func (q *userQuestion) list() string {
	all := userQuestion{Department: q.Department, Direct: q.Direct, Role: q.Role}
	return all.query().Encode()
}

// userQuestion reads the question from the address.
func (v *visit) userQuestion() userQuestion {
	get := func(name string) string { return strings.TrimSpace(v.r.URL.Query().Get(name)) }
	return userQuestion{By: get("by"), Text: get("q"), Department: get("department"), Direct: get("direct") != "", Role: get("role")}
}

func (v *visit) listUsers() error {
	list := userList{Ask: v.userQuestion()}
	err := v.findUsers(&list, v.r.URL.Query().Get("cursor"))
	status := http.StatusOK
	if err != nil {
		if list.Ask.faults, status, err = v.faultsOf(asFault(err, "q", "account", "phone", "email", "name"), "q", "department"); err != nil {
			return err
		}
	}
	if list.Paths, err = v.homes(list.Users); err != nil {
		return err
	}
	if list.Departments, err = v.departmentChoice(); err != nil {
		return err
	}
	return v.show(status, usersPage(v, list))
}

// asFault gives an error the name that the field at fault has on a page, where it is one of those.
func asFault(err error, name string, fields ...string) error {
	var e *muster.Error
	if !errors.As(err, &e) || !slices.Contains(fields, e.Field) {
		return err
	}
	renamed := *e
	renamed.Field = name
	return &renamed
}

// findUsers reads the page behind a cursor.
func (v *visit) findUsers(list *userList, cursor string) error {
	q, err := v.userQuery(&list.Ask)
	if err != nil {
		return err
	}
	if q.Role != 0 {
		if list.Role, err = v.userRole(q.Role); err != nil {
			return err
		}
	} else if list.Ask.Text != "" {
		return v.searchUsers(list, q.Department, cursor)
	}
	q.Limit = pageRows
	kind := q.ListOf(v.actor())
	if q.After, err = kind.Parse(cursor); err != nil {
		return err
	}
	page, err := v.Users.List(v.ctx(), v.tenant.ID, v.actor(), q)
	if err != nil {
		return err
	}
	list.Users, list.Total = page.Users, page.Total
	list.next(kind.Cursor(page.Next(&q)))
	return nil
}

// userQuery is the question as the directory takes it, but for a search.
func (v *visit) userQuery(ask *userQuestion) (q directory.UserQuery, err error) {
	if ask.Role != "" {
		if q.Role, err = muster.ParseID(ask.Role); err != nil {
			return q, v.nowhere()
		}
		return q, nil
	}
	q.Direct = ask.Direct
	if ask.Department == "" {
		return q, nil
	}
	d, err := v.departmentAt("department", ask.Department)
	if err != nil {
		return q, err
	}
	q.Department = d.ID
	return q, nil
}

// searchUsers looks for a key's beginning.
func (v *visit) searchUsers(list *userList, department muster.ID, cursor string) error {
	by := searchKey(list.Ask.By)
	after, err := by.List().Parse(cursor)
	if err != nil {
		return err
	}
	found, err := v.Users.Search(v.ctx(), v.tenant.ID, v.actor(), directory.UserSearch{
		By: by, Prefix: list.Ask.Text, Department: department, After: after, Limit: pageRows,
	})
	if err != nil {
		return err
	}
	list.Users = found.Users
	if list.Ask.Direct {
		list.Users = slices.DeleteFunc(list.Users, func(u muster.User) bool { return department != 0 && u.Department != department })
	}
	list.next(by.List().Cursor(found.Next))
	return nil
}

// searchKey is the key of a name; a name where there is none such.
func searchKey(name string) directory.SearchKey {
	for _, k := range []directory.SearchKey{directory.SearchAccount, directory.SearchPhone, directory.SearchEmail} {
		if k.String() == name {
			return k
		}
	}
	return directory.SearchName
}

func (l *userList) next(cursor string) {
	if cursor != "" {
		q := l.Ask.query()
		q.Set("cursor", cursor)
		l.Next = q.Encode()
	}
}

// exportUsers gives the users of a list, which is no search, as a file.
func (v *visit) exportUsers() error {
	ask := v.userQuestion()
	q, err := v.userQuery(&ask)
	if err != nil {
		return err
	}
	export, err := userfile.ExportOf(v.ctx(), v.Users, v.Departments, v.tenant.ID, v.actor(), q)
	if err != nil {
		return err
	}
	return v.download("users", spreadsheet.CSV, export.Write)
}

// homes gives the paths of the users' departments.
func (v *visit) homes(users []muster.User) (map[muster.ID]string, error) {
	paths := map[muster.ID]string{}
	var refs []muster.DepartmentRef
	for i := range users {
		id := users[i].Department
		if _, known := paths[id]; !known {
			paths[id] = ""
			refs = append(refs, muster.DepartmentRef{Base: id})
		}
	}
	if len(refs) == 0 {
		return paths, nil
	}
	shot, err := v.Batches.Snapshot(v.ctx(), v.tenant.ID, muster.Keys{Departments: refs})
	if err != nil {
		return nil, err
	}
	for i := range shot.Departments {
		paths[shot.Departments[i].ID] = pathOf(&shot.Departments[i])
	}
	return paths, nil
}

// userName is what a person is called, as far as anything is known of him.
func userName(u *muster.User) string {
	for _, name := range []string{u.DisplayName, strings.TrimSpace(u.FirstName + " " + u.Surname), u.Account, u.Phone, u.Email} {
		if name != "" {
			return name
		}
	}
	return u.ID.String()
}

// userPath is the address of a user's page, with what follows.
func userPath(u *muster.User, more ...string) string {
	return "/users/" + u.ID.String() + strings.Join(more, "")
}

// level names what a user administers.
func (v *visit) level(l muster.AdminLevel) string {
	switch l {
	case muster.LevelDepartmentAdmin:
		return v.T("Department administrator")
	case muster.LevelSystemAdmin:
		return v.T("System administrator")
	case muster.LevelManager:
		return v.T("Manager")
	default:
		return v.T("Common user")
	}
}

// pastWhy says why a row did not succeed, on one line.
func pastWhy(v *visit, o *muster.Outcome) string {
	field, sentence := v.why(o)
	if field == "" {
		return sentence
	}
	return field + ": " + sentence
}

func searchOptions(v *visit) []option {
	return []option{
		{directory.SearchName.String(), v.T("Name")}, {directory.SearchAccount.String(), v.T("Account")},
		{directory.SearchPhone.String(), v.T("Phone")}, {directory.SearchEmail.String(), v.T("E-mail address")},
	}
}

func levelOptions(v *visit) []option {
	levels := []muster.AdminLevel{muster.LevelCommon, muster.LevelDepartmentAdmin, muster.LevelManager, muster.LevelSystemAdmin}
	all := make([]option, len(levels))
	for i, l := range levels {
		all[i] = option{levelText(l), v.level(l)}
	}
	return all
}
