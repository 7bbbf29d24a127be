package koodrive

import (
	"context"

	"muster"
	"muster/directory"
)

const acceptedDepartment = "a JSON object in UTF-8 that has name, a string, and parentId, the id of a department"

// departmentBody is what a department is made or changed to. nil is absent.
type departmentBody struct {
	name   *string
	parent *muster.ID
}

func decodeDepartment(body []byte) (*departmentBody, error) {
	var in departmentBody
	err := decodeObject(body, acceptedDepartment, func(d objectDecoder, name string) error {
		switch name {
		case "name":
			in.name = new(string)
			return d.text(name, in.name)
		case "parentId":
			in.parent = new(muster.ID)
			return d.id(name, in.parent)
		default:
			return d.Skip()
		}
	})
	return &in, err
}

// createDepartment is POST /departments (KooDrive contract, section 5). Its data is the department's id.
func (h *Handler) createDepartment(ctx context.Context, r *request) ([]byte, error) {
	in, err := decodeDepartment(r.body)
	switch {
	case err != nil:
		return nil, err
	case in.name == nil:
		return nil, missing("name", acceptedDepartment)
	case in.parent == nil:
		return nil, missing("parentId", acceptedDepartment)
	}
	made, err := h.Departments.Create(ctx, r.Tenant.ID, r.Actor, directory.NewDepartment{Name: *in.name, Parent: *in.parent})
	if err != nil {
		return nil, err
	}
	var o object
	o.id("id", made.ID)
	return o.end(), nil
}

// changeDepartment is PUT /departments/{id} (KooDrive contract, section 5): what is absent stays as it is.
func (h *Handler) changeDepartment(ctx context.Context, r *request) ([]byte, error) {
	id, err := parameterID("id", r.id)
	if err != nil {
		return nil, err
	}
	in, err := decodeDepartment(r.body)
	switch {
	case err != nil:
		return nil, err
	case in.name == nil && in.parent == nil:
		return nil, badParameter("There is nothing to change: the body must be %s.", acceptedDepartment)
	}
	_, err = h.Departments.Change(ctx, r.Tenant.ID, r.Actor, id, directory.DepartmentChange{Name: in.name, Parent: in.parent})
	return nil, err
}

// deleteDepartment is DELETE /departments/{id} (KooDrive contract, section 5).
func (h *Handler) deleteDepartment(ctx context.Context, r *request) ([]byte, error) {
	id, err := parameterID("id", r.id)
	if err != nil {
		return nil, err
	}
	_, err = h.Departments.Delete(ctx, r.Tenant.ID, r.Actor, id)
	return nil, err
}

// getDepartment is GET /departments/{id} (KooDrive contract, section 5).
func (h *Handler) getDepartment(ctx context.Context, r *request) ([]byte, error) {
	id, err := parameterID("id", r.id)
	if err != nil {
		return nil, err
	}
	d, err := h.Departments.Get(ctx, r.Tenant.ID, r.Actor, id)
	if err != nil {
		return nil, err
	}
	return appendDepartment(d, r.Tenant.ID), nil
}

// listDepartments is GET /departmentList (KooDrive contract, section 5): the departments directly below one, by name, all at
// once, since the call has no pages.
func (h *Handler) listDepartments(ctx context.Context, r *request) ([]byte, error) {
	values, err := parameters(r.query, "departmentId", "keyWord")
	if err != nil {
		return nil, err
	}
	parent, err := optionalID("departmentId", values[0])
	if err != nil {
		return nil, err
	}
	if err := checkKeyword(values[1]); err != nil {
		return nil, err
	}
	list := []byte{'['}
	p := directory.Page{Keyword: values[1], Limit: directory.MaxPage}
	for {
		page, err := h.Departments.Children(ctx, r.Tenant.ID, r.Actor, parent, p)
		if err != nil {
			return nil, err
		}
		for i := range page.Departments {
			if len(list) > 1 {
				list = append(list, ',')
			}
			list = append(list, appendDepartment(&page.Departments[i], r.Tenant.ID)...)
		}
		if p.After = page.Next; p.After == "" {
			break
		}
	}
	var o object
	o.raw("list", append(list, ']'))
	return o.end(), nil
}

func appendDepartment(d *muster.Department, tenant muster.ID) []byte {
	var o object
	o.id("id", d.ID)
	o.id("parentId", d.Parent)
	o.text("name", d.Name)
	o.id("tenantId", tenant)
	return o.end()
}

// maxKeyword bounds what is searched for, in bytes; no name or address is longer.
const maxKeyword = 254

func checkKeyword(s string) error {
	if len(s) > maxKeyword {
		return badParameter("keyWord must be at most %d bytes long.", maxKeyword)
	}
	return nil
}
