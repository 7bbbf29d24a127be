package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"muster"
	"muster/directory"
)

// ChangeDepartments is [directory.Store.ChangeDepartments].
func (s *Store) ChangeDepartments(ctx context.Context, tenant muster.ID, decide func(directory.Reader) (*directory.Writes, error)) error {
	err := s.write(ctx, tenant, func(t *tx) error {
		if err := t.flush(); err != nil {
			return err
		}
		r := departmentReader{t, tenant}
		var w *directory.Writes
		err := edit(func(r *departmentReader) (err error) {
			w, err = decide(r)
			return err
		}, &r)
		if err != nil {
			return err
		}
		if w.Empty() {
			muster.AuditNothing(ctx)
		}
		return writeDepartments(t, tenant, w)
	})
	if violates(err, "departments_name_path") {
		return conflict("name", "The parent has a department of this name.")
	}
	return explainRefused("change departments", err)
}

// departmentReader is the [directory.Reader] of one transaction.
type departmentReader struct {
	tx     *tx
	tenant muster.ID
}

func (r *departmentReader) Department(id muster.ID) (*muster.Department, error) {
	return r.one(selectDepartment, id)
}

func (r *departmentReader) At(namePath string) (*muster.Department, error) {
	return r.one(selectDepartmentAt, namePath)
}

func (r *departmentReader) one(by statement, key any) (*muster.Department, error) {
	var d *muster.Department
	r.tx.department(&d, by, r.tenant, key)
	err := r.tx.flush()
	return d, explain("read a department", err)
}

func (r *departmentReader) Height(d *muster.Department) (int, error) {
	low, high := within(d.IDPath)
	var deepest int
	r.tx.row([]any{&deepest}, selectDeepest, r.tenant, low, high)
	err := r.tx.flush()
	return max(0, deepest-strings.Count(d.IDPath, "/")), explain("measure the height of a department", err)
}

func (r *departmentReader) Count(id muster.ID) (members, children int64, err error) {
	r.tx.row([]any{&members}, countMembers, r.tenant, id)
	r.tx.row([]any{&children}, countChildren, r.tenant, id)
	err = r.tx.flush()
	return members, children, explain("count what a department has", err)
}

func writeDepartments(t *tx, tenant muster.ID, w *directory.Writes) error {
	if len(w.Delete) > 0 {
		t.exec(deleteDepartments, tenant, w.Delete)
	}
	for i := range w.Replace {
		if err := replaceDepartment(t, tenant, &w.Replace[i].Old, &w.Replace[i].New); err != nil {
			return err
		}
	}
	if len(w.Insert) > 0 {
		t.addDepartments(tenant, w.Insert)
	}
	if w.LastID != 0 {
		t.exec(updateLastID, tenant, w.LastID)
	}
	return nil
}

// addDepartments queues what stores new departments.
func (t *tx) addDepartments(tenant muster.ID, all []muster.Department) {
	n := len(all)
	ids, parents, created := make([]int64, n), make([]int64, n), make([]time.Time, n)
	names, idPaths, namePaths := make([]string, n), make([]string, n), make([]string, n)
	for i := range all {
		d := &all[i]
		ids[i], parents[i], created[i] = int64(d.ID), int64(d.Parent), d.CreatedAt
		names[i], idPaths[i], namePaths[i] = d.Name, d.IDPath, d.NamePath
	}
	t.exec(insertDepartments, tenant, ids, parents, names, idPaths, namePaths, created)
}

// replaceDepartment writes the department anew, and the beginnings of the paths of all that are below it.
func replaceDepartment(t *tx, tenant muster.ID, old, next *muster.Department) error {
	var n int64
	t.count(&n, updateDepartment, tenant, old.ID, old.IDPath, old.NamePath, next.Parent, next.Name, next.IDPath, next.NamePath)
	if err := t.flush(); err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("department %s is not where it was read", old.ID)
	}
	if old.IDPath != next.IDPath || old.NamePath != next.NamePath {
		low, high := within(old.IDPath)
		t.exec(moveDepartments, tenant, low, high, next.IDPath, old.NamePath, next.NamePath)
	}
	return nil
}
