package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"muster/access"
	"muster/access/signature"
	"muster/client"
)

type demoCmd struct {
	Once   bool   `env:"-" help:"End when the batch is provisioned, instead of serving on."`
	Data   string `env:"-" type:"path" placeholder:"DIR" help:"Data folder, kept afterwards. Default: a temporary one, removed at the end."`
	Listen string `env:"-" placeholder:"ADDRESS" help:"Address to listen on. Default: 127.0.0.1:8080, or another port where that one is taken."`
}

const demoAddress = "127.0.0.1:8080"

// demoUsers are those of the example in the document of POST /user/batchRegister/create.
func demoUsers() []client.User {
	return []client.User{
		{FirstName: "1204", Surname: "1204", Phone: "1884609076404", Email: "1024@12.com", Password: "Q!@1assword"},
		{FirstName: "1205", Surname: "1205", Phone: "1884609076405", Email: "1052@12.com", Password: "paO2*ssword"},
	}
}

// demonstration is what demo prints as JSON.
type demonstration struct {
	URL     string      `json:"url"`
	Data    string      `json:"data"`
	Account account     `json:"account"` // without the secret unless it goes to a terminal
	TaskID  string      `json:"taskId"`
	Rows    []demoRow   `json:"rows"`
	Task    client.Task `json:"task"`
}

type demoRow struct {
	Phone   string `json:"phone"`
	Outcome string `json:"outcome"` // created, skipped or failed
	UserID  string `json:"userId,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

func (c *demoCmd) Run(ctx context.Context, p *printer) (err error) {
	dir, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer closing(remove, &err)
	s, err := c.start(ctx, p, dir)
	if err != nil {
		return err
	}
	defer closing(s.stop, &err)
	caller, err := s.demoAccount(ctx)
	if err != nil {
		return err
	}
	shown, err := demonstrate(ctx, s, caller)
	if err != nil {
		return err
	}
	if !isTerminal(p.Out) {
		shown.Account.AppSecret = ""
	}
	if err := p.print(shown, func(w io.Writer) { c.describe(w, shown) }); err != nil {
		return err
	}
	if shown.Task.Failed > 0 {
		return fmt.Errorf("%d rows of the demonstration failed", shown.Task.Failed)
	}
	if c.Once {
		return nil
	}
	return s.wait(ctx)
}

// folder gives the data folder, and what removes it if it is the demonstration's own.
func (c *demoCmd) folder() (dir string, remove func() error, err error) {
	if c.Data != "" {
		return c.Data, func() error { return nil }, nil
	}
	dir, err = os.MkdirTemp("", "muster-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("data folder: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

func (c *demoCmd) start(ctx context.Context, p *printer, dir string) (*server, error) {
	options := serverOptions{
		installationOptions: installationOptions{dir: dir, create: true, logger: newLogger(p.Err, "auto", "warn")},
		first:               firstTenant{name: "demo"},
		listen:              c.Listen,
		leeway:              signature.Leeway,
	}
	if c.Listen != "" {
		return startServer(ctx, options)
	}
	options.listen = demoAddress
	s, err := startServer(ctx, options)
	if errors.Is(err, syscall.EADDRINUSE) {
		options.listen = "127.0.0.1:0"
		return startServer(ctx, options)
	}
	return s, err
}

// demoAccount is what the first start made. On a folder that was there before, whose secrets nobody remembers, it is
// another credential of the first tenant.
func (s *server) demoAccount(ctx context.Context) (account, error) {
	if s.first != nil {
		return *s.first, nil
	}
	tenants, err := s.held.access.Tenants(ctx)
	if err != nil {
		return account{}, err
	}
	if len(tenants) == 0 {
		return account{}, errors.New("the installation has no tenant")
	}
	tenant := &tenants[0]
	admins, err := s.held.access.Administrators(ctx, tenant.ID, 1)
	if err != nil {
		return account{}, err
	}
	if len(admins) == 0 {
		return account{}, fmt.Errorf("tenant %s has no enabled administrator to sign for", tenant.ID)
	}
	issued, err := s.held.access.CreateCredential(ctx, tenant.ID, access.NewCredential{Name: "demo " + time.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return account{}, err
	}
	return account{
		TenantID: tenant.ID, AdminUserID: admins[0].ID, RootDepartmentID: tenant.RootDepartment,
		AppID: issued.Credential.AppID, AppSecret: issued.Secret,
	}, nil
}

// demonstrate provisions the example's users as any client would.
func demonstrate(ctx context.Context, s *server, a account) (*demonstration, error) {
	caller, err := client.New(s.url(), client.Credentials{AppID: a.AppID, Secret: a.AppSecret, UserID: a.AdminUserID.String()})
	if err != nil {
		return nil, err
	}
	d := &demonstration{URL: s.url(), Data: s.options.dir, Account: a}
	if d.TaskID, err = caller.CreateBatch(ctx, demoUsers()); err != nil {
		return nil, err
	}
	for row, err := range caller.Follow(ctx, d.TaskID) {
		if err != nil {
			return nil, err
		}
		d.Rows = append(d.Rows, demoRow{Phone: row.Phone, Outcome: outcomeOf(row), UserID: row.UserID, Reason: row.Reason})
	}
	task, err := caller.Wait(ctx, d.TaskID)
	if err != nil {
		return nil, err
	}
	d.Task = *task
	return d, nil
}

func outcomeOf(row client.Row) string {
	switch {
	case row.Succeeded():
		return "created"
	case row.Skipped():
		return "skipped"
	default:
		return "failed"
	}
}

func (c *demoCmd) describe(w io.Writer, d *demonstration) {
	_, _ = fmt.Fprintf(w, "Muster serves %s from %s\n", d.URL, d.Data)
	_, _ = fmt.Fprintf(w, "\nThe batch of the KooDrive document, signed and sent: task %s\n\n", d.TaskID)
	rows := make([][]string, len(d.Rows))
	for i, r := range d.Rows {
		rows[i] = []string{strconv.Itoa(i + 1), r.Phone, r.Outcome, r.UserID, r.Reason}
	}
	table(w, "ROW PHONE OUTCOME USER REASON", rows)
	_, _ = fmt.Fprintf(w, "\n%d rows: %d created, %d skipped, %d failed.\n", d.Task.Total, d.Task.Succeeded, d.Task.Skipped, d.Task.Failed)
	if d.Task.Total > 0 && d.Task.Skipped == d.Task.Total {
		_, _ = fmt.Fprintln(w, "They are skips because the folder has these users from an earlier run: nobody is made twice.")
	}
	if !c.Once {
		c.describeNext(w, d)
	}
}

// describeNext tells what to try while the demonstration serves on.
func (c *demoCmd) describeNext(w io.Writer, d *demonstration) {
	muster := os.Args[0]
	_, _ = fmt.Fprintf(w, "\nTry next, in another terminal:\n\n")
	_, _ = fmt.Fprintf(w, "  export MUSTER_SERVER=%s MUSTER_DATA=%s\n", d.URL, quoted(d.Data))
	_, _ = fmt.Fprintf(w, "  export MUSTER_APP_ID=%s MUSTER_USER_ID=%s\n", d.Account.AppID, d.Account.AdminUserID)
	if d.Account.AppSecret != "" {
		_, _ = fmt.Fprintf(w, "  export %s=%s\n", secretVariable, d.Account.AppSecret)
	} else {
		_, _ = fmt.Fprintf(w, "  export %s=...   # from: %s credential rotate %s\n", secretVariable, quoted(muster), d.Account.AppID)
	}
	const get, create = "/koodrive/ose/v1/user/batchRegister/get", "/koodrive/ose/v1/user/batchRegister/create"
	_, _ = fmt.Fprintf(w, "  %s request GET '%s?taskId=%s'\n", quoted(muster), get, d.TaskID)
	_, _ = fmt.Fprintf(w, "  %s request POST %s --data '{\"userList\":[{\"firstname\":\"Ada\",\"phone\":\"12345678\"}]}'\n", quoted(muster), create)
	_, _ = fmt.Fprintf(w, "  %s tenant show\n", quoted(muster))
	_, _ = fmt.Fprintf(w, "  curl %s/readyz\n", d.URL)
	kept := "The folder is kept."
	if c.Data == "" {
		kept = "The folder is removed then."
	}
	_, _ = fmt.Fprintf(w, "\nCtrl-C ends the demonstration. %s\n", kept)
}

// quoted writes a path as a shell reads it.
func quoted(path string) string {
	if !strings.ContainsAny(path, " \t'\"$&;|<>()*?[]#~`\\!") {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
