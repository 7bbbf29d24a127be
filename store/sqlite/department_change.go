package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"muster"
	"muster/directory"
)

// ChangeDepartments is [directory.Store.ChangeDepartments].
func (s *Store) ChangeDepartments(ctx context.Context, tenant muster.ID, decide func(directory.Reader) (*directory.Writes, error)) error {
	var refused error
	err := s.writer.large(ctx, func(c *conn) error {
		if _, err := scanTenant(c.row(context.Background(), selectTenant, int64(tenant))); err != nil {
			return exists(err, noTenant)
		}
		var w *directory.Writes
		if w, refused = decide(&departmentReader{c, tenant}); refused != nil {
			return refused
		}
		if w.Empty() {
			muster.AuditNothing(ctx)
		}
		return nameTaken(writeDepartments(c, tenant, w))
	})
	if refused != nil {
		return refused
	}
	return explain("change departments", err)
}

// departmentReader is the [directory.Reader] of one transaction.
type departmentReader struct {
	conn   *conn
	tenant muster.ID
}

func (r *departmentReader) Department(id muster.ID) (*muster.Department, error) {
	return r.one(selectDepartment, int64(id))
}

func (r *departmentReader) At(namePath string) (*muster.Department, error) {
	return r.one(selectDepartmentAt, namePath)
}

func (r *departmentReader) one(by statement, key any) (*muster.Department, error) {
	d, err := scanDepartment(r.conn.row(context.Background(), by, int64(r.tenant), key))
	if err == nil {
		return d, nil
	}
	if isRefusal(err) { // there is none
		err = nil
	}
	return nil, explain("read a department", err)
}

func (r *departmentReader) Height(d *muster.Department) (int, error) {
	low, high := within(d.IDPath)
	slashes := strings.Count(d.IDPath, "/")
	var deepest int
	err := r.conn.row(context.Background(), selectDeepest, int64(r.tenant), low, high).Scan(&deepest)
	return max(0, deepest-slashes), explain("measure the height of a department", err)
}

func (r *departmentReader) Count(id muster.ID) (members, children int64, err error) {
	err = r.conn.row(context.Background(), countDepartment, int64(r.tenant), int64(id)).Scan(&members, &children)
	return members, children, explain("count what a department has", err)
}

func writeDepartments(c *conn, tenant muster.ID, w *directory.Writes) error {
	if len(w.Delete) > 0 {
		if _, err := c.exec(deleteDepartments, int64(tenant), string(jsonIDs(w.Delete))); err != nil {
			return err
		}
	}
	for i := range w.Replace {
		if err := replaceDepartment(c, tenant, &w.Replace[i].Old, &w.Replace[i].New); err != nil {
			return err
		}
	}
	for i := range w.Insert {
		if err := addDepartment(c, tenant, &w.Insert[i]); err != nil {
			return err
		}
	}
	if w.LastID == 0 {
		return nil
	}
	return recordID(c, w.LastID)
}

func addDepartment(c *conn, tenant muster.ID, d *muster.Department) error {
	_, err := c.exec(insertDepartment, int64(tenant), int64(d.ID), int64(d.Parent), d.Name, d.IDPath, d.NamePath, millis(d.CreatedAt))
	return err
}

// replaceDepartment writes the department anew, and the beginnings of the paths of all that are below it.
func replaceDepartment(c *conn, tenant muster.ID, old, next *muster.Department) error {
	n, err := c.exec(updateDepartment, int64(next.Parent), next.Name, next.IDPath, next.NamePath, int64(tenant), int64(old.ID), old.IDPath,
		old.NamePath)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("department %s is not where it was read", old.ID)
	}
	if old.IDPath == next.IDPath && old.NamePath == next.NamePath {
		return nil
	}
	low, high := within(old.IDPath)
	_, err = c.exec(moveDepartments, int64(tenant), low, high, next.IDPath, old.NamePath, next.NamePath)
	return err
}

// nameTaken makes a refusal of what the unique index of paths makes of a name that a sibling has.
func nameTaken(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE {
		return &muster.Error{Kind: muster.KindConflict, Field: "name", Detail: "The parent has a department of this name.", Err: err}
	}
	return err
}
