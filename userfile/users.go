package userfile

import (
	"context"
	"io"
	"strconv"
	"strings"

	"muster"
	"muster/directory"
	"muster/spreadsheet"
)

// userPage is how many users of an export are in memory at once.
const userPage = 1000

// userColumns are such as a Reader knows.
var userColumns = [...]string{
	spreadsheet.FieldID, spreadsheet.FieldAccount, spreadsheet.FieldPhone, spreadsheet.FieldEmail, spreadsheet.FieldFirstName,
	spreadsheet.FieldSurname, spreadsheet.FieldDisplayName, spreadsheet.FieldDepartment, spreadsheet.FieldCapacityGB,
	spreadsheet.FieldAdminLevel, spreadsheet.FieldRoleIDs, spreadsheet.FieldStatus,
}

// Export is a list of users, without their passwords, in columns that a Reader knows.
type Export struct {
	users       *directory.Users
	departments *directory.Departments
	tenant      muster.ID
	actor       muster.Actor
	query       directory.UserQuery
	page        []muster.User
	paths       map[muster.ID]string // of the departments met so far
}

// ExportOf begins an export of the users whom a query means; its After and Limit do not count. Its errors are those of
// [directory.Users.List].
func ExportOf(
	ctx context.Context, users *directory.Users, departments *directory.Departments, tenant muster.ID, actor muster.Actor, q directory.UserQuery,
) (*Export, error) {
	q.After, q.Limit = directory.UserMark{}, userPage
	e := &Export{users: users, departments: departments, tenant: tenant, actor: actor, query: q, paths: map[muster.ID]string{}}
	return e, e.read(ctx)
}

func (e *Export) read(ctx context.Context) error {
	page, err := e.users.List(ctx, e.tenant, e.actor, e.query)
	if err == nil {
		e.page = page.Users
	}
	return err
}

// Write writes the users as CSV, page by page, once.
func (e *Export) Write(ctx context.Context, w io.Writer) error {
	out, err := spreadsheet.NewWriter(w, spreadsheet.WriterOptions{Format: spreadsheet.CSV, Columns: userColumns[:], Mark: true})
	if err != nil {
		return err
	}
	for {
		for i := range e.page {
			u := &e.page[i]
			path, err := e.path(ctx, u.Department)
			if err != nil {
				return err
			}
			if err := out.Write(userCells(u, path)); err != nil {
				return err
			}
		}
		n := len(e.page)
		if n < userPage {
			return out.Close()
		}
		last := &e.page[n-1]
		e.query.After = directory.UserMark{Department: last.Department, User: last.ID}
		if err := e.read(ctx); err != nil {
			return err
		}
	}
}

// path is the department's as a Reader knows it: names from below the root, joined by slashes.
func (e *Export) path(ctx context.Context, id muster.ID) (string, error) {
	path, known := e.paths[id]
	if known {
		return path, nil
	}
	d, err := e.departments.Get(ctx, e.tenant, e.actor, id)
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

func userCells(u *muster.User, path string) []spreadsheet.Cell {
	status := "enabled"
	if u.Disabled {
		status = "disabled"
	}
	roles := make([]string, len(u.Roles))
	for i, id := range u.Roles {
		roles[i] = id.String()
	}
	return spreadsheet.Texts(
		u.ID.String(), u.Account, u.Phone, u.Email, u.FirstName, u.Surname, u.DisplayName, path,
		strconv.FormatInt(u.CapacityGB, 10), strconv.Itoa(int(u.Level)), strings.Join(roles, ";"), status,
	)
}

// ContentType is that of a file, as HTTP has it.
func ContentType(f spreadsheet.Format) string {
	switch f { //nolint:exhaustive // Auto is nothing that is written
	case spreadsheet.CSV:
		return "text/csv; charset=utf-8"
	case spreadsheet.XLSX:
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case spreadsheet.NDJSON:
		return "application/x-ndjson"
	default:
		return "application/octet-stream"
	}
}
