package native

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/directory"
)

// NewDepartment is the body that makes a department.
type NewDepartment struct {
	Name   string    `json:"name" doc:"1 to 20 characters without a slash, unique among the parent's departments"`
	Parent muster.ID `json:"parentId,omitempty" doc:"absent is the root department"`
	ID     muster.ID `json:"id,omitempty" doc:"one that other systems know already, of the past; absent makes one"`
}

// DepartmentPatch changes the parts of a department that it has.
type DepartmentPatch struct {
	Name   *string    `json:"name,omitempty" doc:"1 to 20 characters without a slash, unique among the parent's departments"`
	Parent *muster.ID `json:"parentId,omitempty" doc:"moves the department, with all that are below it, there"`
}

// Department is a node of a tenant's tree.
type Department struct {
	ID        muster.ID `json:"id"`
	Parent    muster.ID `json:"parentId,omitempty" doc:"absent for the root department"`
	Name      string    `json:"name"`
	Path      string    `json:"path" doc:"the names below the root's, a slash before each; empty for the root department"`
	CreatedAt time.Time `json:"createdAt"`
}

// Departments is a page of a tenant's departments, by path.
type Departments struct {
	Departments []Department `json:"departments" nullable:"false"`
	Next        string       `json:"nextCursor,omitempty" doc:"cursor of the next page; absent if this is the last"`
}

// DepartmentImport is the body that makes departments along paths.
type DepartmentImport struct {
	Paths []string `json:"paths" minItems:"1" maxItems:"1000" doc:"names from below the root, joined by slashes, such as Sales/North"`
}

// DepartmentsImported says for each path, in order, what became of it.
type DepartmentsImported struct {
	Paths []DepartmentImported `json:"paths" nullable:"false"`
}

// DepartmentImported is what became of a path.
type DepartmentImported struct {
	Result     string    `json:"result" enum:"made,existed,failed"`
	Department muster.ID `json:"departmentId,omitempty" doc:"to which the path leads; absent if it failed"`
	Made       int       `json:"made,omitempty" doc:"departments made along the path"`
	Detail     string    `json:"detail,omitempty" doc:"why it failed; nothing was made along it then"`
}

// The results of a path.
const (
	ImportMade    = "made"
	ImportExisted = "existed"
	ImportFailed  = "failed"
)

// maxImportBody bounds an import, in bytes: in JSON a byte of a path takes up to six, as an escape.
const maxImportBody = 8 * directory.MaxImport * directory.MaxPath

// pathDepartmentID is a department's id in a path.
type pathDepartmentID struct{ pathID }

// Schema is for huma.
func (p pathDepartmentID) Schema(r huma.Registry) *huma.Schema {
	s := p.pathID.Schema(r)
	s.Description = "the department's id"
	return s
}

// departmentQuery says which departments to list.
type departmentQuery struct {
	Tenant  pathID  `path:"tenant"`
	Parent  queryID `query:"parent" doc:"only departments directly below this one"`
	Under   queryID `query:"under" doc:"only this department and those below it"`
	Path    string  `query:"path" doc:"only the department at this path; a slash alone is the root department"`
	Keyword string  `query:"keyword" doc:"only departments with this in their name, letter case aside"`
	After   string  `query:"cursor" doc:"a page's nextCursor"`
	Limit   int     `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"departments on a page"`
}

func departmentOf(d *muster.Department) Department {
	return Department{ID: d.ID, Parent: d.Parent, Name: d.Name, Path: d.NamePath, CreatedAt: d.CreatedAt}
}

func (a *api) addDepartments(h huma.API) {
	const tag = "Departments"
	const all, one = "/tenants/{tenant}/departments", "/tenants/{tenant}/departments/{department}"
	huma.Register(h, departmental(operation("create-department", http.MethodPost, all, "Make a department", tag, http.StatusCreated)),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			Body   NewDepartment
		}) (*answer[Department], error) {
			d, err := a.Departments.Create(ctx, in.Tenant.id, actorOf(ctx), directory.NewDepartment{
				Name: in.Body.Name, Parent: in.Body.Parent, ID: in.Body.ID,
			})
			return a.department(ctx, d, err)
		})
	huma.Register(h, departmental(operation("list-departments", http.MethodGet, all, "List a tenant's departments", tag, http.StatusOK)),
		func(ctx context.Context, in *departmentQuery) (*answer[Departments], error) {
			page, err := a.listDepartments(ctx, in)
			return reply(ctx, a, page, err)
		})
	huma.Register(h, departmental(operation("get-department", http.MethodGet, one, "Read a department", tag, http.StatusOK)),
		func(ctx context.Context, in *struct {
			Tenant     pathID           `path:"tenant"`
			Department pathDepartmentID `path:"department"`
		}) (*answer[Department], error) {
			d, err := a.Departments.Get(ctx, in.Tenant.id, actorOf(ctx), in.Department.id)
			return a.department(ctx, d, err)
		})
	huma.Register(h, departmental(operation("change-department", http.MethodPatch, one, "Rename or move a department", tag, http.StatusOK)),
		func(ctx context.Context, in *struct {
			Tenant     pathID           `path:"tenant"`
			Department pathDepartmentID `path:"department"`
			Body       DepartmentPatch
		}) (*answer[Department], error) {
			change := directory.DepartmentChange{Name: in.Body.Name, Parent: in.Body.Parent}
			d, err := a.Departments.Change(ctx, in.Tenant.id, actorOf(ctx), in.Department.id, change)
			return a.department(ctx, d, err)
		})
	huma.Register(h, departmental(operation("delete-department", http.MethodDelete, one, "Delete an empty department, and answer with what it was", tag, http.StatusOK)),
		func(ctx context.Context, in *struct {
			Tenant     pathID           `path:"tenant"`
			Department pathDepartmentID `path:"department"`
		}) (*answer[Department], error) {
			d, err := a.Departments.Delete(ctx, in.Tenant.id, actorOf(ctx), in.Department.id)
			return a.department(ctx, d, err)
		})
	importing := departmental(operation("import-departments", http.MethodPost, all+"/import", "Make what is missing along paths of names", tag, http.StatusOK))
	importing.MaxBodyBytes = maxImportBody
	huma.Register(h, importing,
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			Body   DepartmentImport
		}) (*answer[DepartmentsImported], error) {
			done, err := a.importDepartments(ctx, in.Tenant.id, in.Body.Paths)
			return reply(ctx, a, done, err)
		})
}

func (a *api) department(ctx context.Context, d *muster.Department, err error) (*answer[Department], error) {
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[Department]{Body: departmentOf(d)}, nil
}

func (a *api) listDepartments(ctx context.Context, q *departmentQuery) (Departments, error) {
	answer := Departments{Departments: []Department{}}
	page := directory.Page{Keyword: q.Keyword, After: q.After, Limit: q.Limit}
	var found *directory.DepartmentPage
	var err error
	switch {
	case q.Path != "" && (q.Parent.id != 0 || q.Under.id != 0), q.Parent.id != 0 && q.Under.id != 0:
		return answer, &muster.Error{Kind: muster.KindInvalid, Field: "parent", Detail: "Of parent, under and path, one is accepted."}
	case q.Path != "":
		d, err := a.Departments.At(ctx, q.Tenant.id, actorOf(ctx), q.Path)
		if err == nil {
			answer.Departments = append(answer.Departments, departmentOf(d))
		}
		return answer, a.orNone(ctx, q.Tenant.id, err)
	case q.Parent.id != 0:
		found, err = a.Departments.Children(ctx, q.Tenant.id, actorOf(ctx), q.Parent.id, page)
	default:
		found, err = a.Departments.Tree(ctx, q.Tenant.id, actorOf(ctx), q.Under.id, page)
	}
	if err != nil {
		return answer, err
	}
	for i := range found.Departments {
		answer.Departments = append(answer.Departments, departmentOf(&found.Departments[i]))
	}
	answer.Next = found.Next
	return answer, nil
}

func (a *api) importDepartments(ctx context.Context, tenant muster.ID, paths []string) (DepartmentsImported, error) {
	done, err := a.Departments.Import(ctx, tenant, actorOf(ctx), paths)
	answer := DepartmentsImported{Paths: make([]DepartmentImported, len(done))}
	for i, d := range done {
		line := DepartmentImported{Result: ImportExisted, Department: d.Department, Made: d.Made}
		switch {
		case d.Refusal != nil:
			line.Result, line.Detail = ImportFailed, d.Refusal.Detail
		case d.Made > 0:
			line.Result = ImportMade
		}
		answer.Paths[i] = line
	}
	return answer, err
}
