package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/api/native"
)

type departmentCmd struct {
	List   departmentListCmd   `cmd:"" help:"List a tenant's departments as a tree."`
	Add    departmentAddCmd    `cmd:"" help:"Make a department."`
	Rename departmentRenameCmd `cmd:"" help:"Give a department another name."`
	Move   departmentMoveCmd   `cmd:"" help:"Move a department, with all that are below it."`
	Remove departmentRemoveCmd `cmd:"" help:"Remove a department that has neither members nor departments below it."`
	Import departmentImportCmd `cmd:"" help:"Make what is missing along the paths in a file, one a line."`
}

// rootPath names the root department, whose path of names is empty.
const rootPath = "/"

// department finds a department by its id or its path; base is where the API has the tenant's things.
func (c *nativeClient) department(ctx context.Context, base, idOrPath string) (*native.Department, error) {
	all := base + "/departments"
	if _, err := muster.ParseID(idOrPath); err == nil {
		var d native.Department
		err := c.call(ctx, http.MethodGet, all+"/"+idOrPath, nil, &d)
		var no *refusal
		if err == nil || !errors.As(err, &no) || no.Status != http.StatusNotFound {
			return &d, err
		}
		// It may be a name that looks like an id.
	}
	var found native.Departments
	if err := c.call(ctx, http.MethodGet, all+"?path="+url.QueryEscape(cmp.Or(idOrPath, rootPath)), nil, &found); err != nil {
		return nil, err
	}
	if len(found.Departments) == 0 {
		return nil, &refusal{huma.ErrorModel{Status: http.StatusNotFound, Detail: fmt.Sprintf(
			"There is no department %q: its id or its path from below the root is accepted, such as Sales/North, or / for the root.", idOrPath)}}
	}
	return &found.Departments[0], nil
}

func printDepartment(p *printer, d *native.Department) error {
	return p.print(d, func(w io.Writer) {
		table(w, "ID PATH CREATED", [][]string{{d.ID.String(), cmp.Or(d.Path, rootPath), stamp(d.CreatedAt)}})
	})
}

type departmentListCmd struct {
	lists
	tenantFlags
	Department string `arg:"" optional:"" help:"Id or path of the department to begin with; the root if not given."`
	Keyword    string `env:"-" placeholder:"TEXT" help:"List only departments with this in their name, letter case aside, by their paths."`
}

func (c *departmentListCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base, err := c.base(ctx, api)
	if err != nil {
		return err
	}
	under, err := api.department(ctx, base, c.Department)
	if err != nil {
		return err
	}
	query := url.Values{"under": {under.ID.String()}, "limit": {"1000"}}
	if c.Keyword != "" {
		query.Set("keyword", c.Keyword)
	}
	all := native.Departments{Departments: []native.Department{}}
	for {
		var page native.Departments
		if err := api.call(ctx, http.MethodGet, base+"/departments?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		all.Departments = append(all.Departments, page.Departments...)
		if page.Next == "" {
			break
		}
		query.Set("cursor", page.Next)
	}
	slices.SortFunc(all.Departments, func(a, b native.Department) int { // by path, "/a-b" would come between "/a" and "/a/b"
		return slices.Compare(strings.Split(a.Path, "/"), strings.Split(b.Path, "/"))
	})
	rows := make([][]string, len(all.Departments))
	for i := range all.Departments {
		d := &all.Departments[i]
		name := cmp.Or(d.Path, rootPath)
		if c.Keyword == "" && p.format == formatText {
			level := strings.Count(d.Path, "/") - strings.Count(under.Path, "/")
			name = strings.Repeat("  ", level) + d.Name
		}
		rows[i] = []string{name, d.ID.String()}
	}
	return p.list(all, "DEPARTMENT ID", rows)
}

type departmentAddCmd struct {
	tenantFlags
	Path   string `arg:"" help:"Its name, with those of departments above it that are there already in front, as in Sales/North."`
	Parent string `env:"-" placeholder:"DEPARTMENT" help:"Id or path of the department below which the path begins; the root if not given."`
	ID     string `env:"-" placeholder:"ID" help:"Id that other systems know already; made if not given."`
}

func (c *departmentAddCmd) Run(ctx context.Context, p *printer) (err error) {
	var body native.NewDepartment
	if body.ID, err = idFlag("--id", c.ID); err != nil {
		return err
	}
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base, err := c.base(ctx, api)
	if err != nil {
		return err
	}
	parent, err := api.department(ctx, base, c.Parent)
	if err != nil {
		return err
	}
	body.Name = strings.TrimPrefix(c.Path, "/")
	if i := strings.LastIndexByte(body.Name, '/'); i >= 0 {
		if parent, err = api.department(ctx, base, parent.Path+"/"+body.Name[:i]); err != nil {
			return err
		}
		body.Name = body.Name[i+1:]
	}
	body.Parent = parent.ID
	var made native.Department
	if err := api.call(ctx, http.MethodPost, base+"/departments", body, &made); err != nil {
		return err
	}
	return printDepartment(p, &made)
}

type departmentRenameCmd struct {
	tenantFlags
	Department string `arg:"" help:"Id or path of the department."`
	Name       string `arg:"" help:"Its new name."`
}

func (c *departmentRenameCmd) Run(ctx context.Context, p *printer) error {
	return c.change(ctx, p, c.Department, func(*nativeClient, string) (native.DepartmentPatch, error) {
		return native.DepartmentPatch{Name: &c.Name}, nil
	})
}

type departmentMoveCmd struct {
	tenantFlags
	Department string `arg:"" help:"Id or path of the department."`
	Parent     string `arg:"" help:"Id or path of the department below which it is to be; / is the root."`
}

func (c *departmentMoveCmd) Run(ctx context.Context, p *printer) error {
	return c.change(ctx, p, c.Department, func(api *nativeClient, base string) (native.DepartmentPatch, error) {
		parent, err := api.department(ctx, base, c.Parent)
		if err != nil {
			return native.DepartmentPatch{}, err
		}
		return native.DepartmentPatch{Parent: &parent.ID}, nil
	})
}

// change sends the patch of a department, and prints what it is then.
func (f *tenantFlags) change(ctx context.Context, p *printer, department string,
	patch func(api *nativeClient, base string) (native.DepartmentPatch, error),
) (err error) {
	api, done, err := f.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base, err := f.base(ctx, api)
	if err != nil {
		return err
	}
	d, err := api.department(ctx, base, department)
	if err != nil {
		return err
	}
	body, err := patch(api, base)
	if err != nil {
		return err
	}
	var changed native.Department
	if err := api.call(ctx, http.MethodPatch, base+"/departments/"+d.ID.String(), body, &changed); err != nil {
		return err
	}
	return printDepartment(p, &changed)
}

type departmentRemoveCmd struct {
	tenantFlags
	Department string `arg:"" help:"Id or path of the department."`
}

func (c *departmentRemoveCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base, err := c.base(ctx, api)
	if err != nil {
		return err
	}
	d, err := api.department(ctx, base, c.Department)
	if err != nil {
		return err
	}
	var gone native.Department
	if err := api.call(ctx, http.MethodDelete, base+"/departments/"+d.ID.String(), nil, &gone); err != nil {
		return err
	}
	return p.print(gone, func(w io.Writer) { _, _ = fmt.Fprintf(w, "The department %s is gone.\n", gone.Path) })
}
