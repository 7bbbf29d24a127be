package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"muster"
	"muster/api/native"
)

type credentialCmd struct {
	Create  credentialCreateCmd  `cmd:"" help:"Make a credential; its secret is shown once."`
	List    credentialListCmd    `cmd:"" help:"List a tenant's credentials."`
	Rotate  credentialRotateCmd  `cmd:"" help:"Give a credential another secret; the old one goes on working for a while."`
	Set     credentialSetCmd     `cmd:"" help:"Change what a credential may do."`
	Disable credentialDisableCmd `cmd:"" help:"Refuse everything that a credential signs."`
	Enable  credentialEnableCmd  `cmd:"" help:"Undo disable."`
}

// pairFlags bring along a key pair that a client already holds.
type pairFlags struct {
	AppID      string `env:"-" placeholder:"ID" help:"AppId that a client already holds; made if not given."`
	SecretFile string `env:"-" type:"path" placeholder:"FILE" help:"File with the secret that a client already holds, - for standard input; made if not given."`
}

// pair is the body that makes the credential.
func (f *pairFlags) pair(stdin io.Reader) (native.NewCredential, error) {
	secret, err := readSecret(f.SecretFile, stdin)
	return native.NewCredential{AppID: f.AppID, Secret: secret}, err
}

// maxSecretFile bounds a file with a secret, in bytes.
const maxSecretFile = 4 << 10

// readSecret reads a secret from a file, or from standard input where that is called -: its first and only line. No name
// is no secret. A secret is no flag, since every user of the machine can read the flags of its processes.
func readSecret(name string, stdin io.Reader) (string, error) {
	source := stdin
	switch name {
	case "":
		return "", nil
	case "-":
	default:
		f, err := os.Open(name)
		if err != nil {
			return "", usagef("secret: %w", err)
		}
		defer f.Close()
		source = f
	}
	text, err := io.ReadAll(io.LimitReader(source, maxSecretFile+1))
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 || len(text) > maxSecretFile || bytes.ContainsAny(text, "\r\n") {
		return "", usagef("secret: want one line of at most %d bytes", maxSecretFile)
	}
	return string(text), nil
}

// path is where the API has the credential.
func (f *tenantFlags) path(ctx context.Context, api *nativeClient, appID string) (string, error) {
	base, err := f.base(ctx, api)
	return base + "/credentials/" + url.PathEscape(appID), err
}

// scopeFlags say what a credential may do.
type scopeFlags struct {
	Scopes []string `env:"-" enum:"read,provision,administer" placeholder:"SCOPE" help:"What it may do: read, provision (submit batches) and administer (change everything else). Default: all."`
}

type credentialCreateCmd struct {
	tenantFlags
	pairFlags
	scopeFlags
	Name    string `env:"-" placeholder:"NAME" help:"What the credential is for, for people."`
	AdminID string `name:"id" env:"-" placeholder:"ID" help:"Id that the client holds for an administrator: one is made with it, unless there is one already."`
}

func (c *credentialCreateCmd) Run(ctx context.Context, p *printer) (err error) {
	body, err := c.pair(p.In)
	if err != nil {
		return err
	}
	body.Name, body.Scopes = c.Name, c.Scopes
	admin, err := idFlag("--id", c.AdminID)
	if err != nil {
		return err
	}
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	tenant, err := api.tenant(ctx, c.Tenant)
	if err != nil {
		return err
	}
	if admin, err = api.administrator(ctx, tenant.ID, admin); err != nil {
		return err
	}
	var issued native.Credential
	if err := api.call(ctx, http.MethodPost, api.tenantPath(tenant.ID)+"/credentials", body, &issued); err != nil {
		return err
	}
	return printAccount(p, accountOf(tenant, admin, &issued))
}

// account is what a client needs to call, and what a new installation prints.
type account struct {
	TenantID         muster.ID `json:"tenantId"`
	AdminUserID      muster.ID `json:"adminUserId,omitzero"`
	RootDepartmentID muster.ID `json:"rootDepartmentId"`
	AppID            string    `json:"appId"`
	AppSecret        string    `json:"appSecret,omitempty"` // "" where it was brought along
}

func (*initCmd) printsEnvironment()             {}
func (*tenantCreateCmd) printsEnvironment()     {}
func (*credentialCreateCmd) printsEnvironment() {}

// environment is what the command request reads.
func (a account) environment() [][2]string {
	variables := [][2]string{{"MUSTER_APP_ID", a.AppID}}
	if a.AppSecret != "" {
		variables = append(variables, [2]string{secretVariable, a.AppSecret})
	}
	if a.AdminUserID != 0 {
		variables = append(variables, [2]string{"MUSTER_USER_ID", a.AdminUserID.String()})
	}
	return variables
}

func accountOf(t *native.Tenant, admin muster.ID, issued *native.Credential) account {
	return account{
		TenantID: t.ID, AdminUserID: admin, RootDepartmentID: t.RootDepartmentID, AppID: issued.AppID, AppSecret: issued.Secret,
	}
}

func printAccount(p *printer, a account) error {
	return p.print(a, func(w io.Writer) {
		describeAccount(w, a)
		if a.AppSecret != "" {
			_, _ = fmt.Fprintln(w, "\nThe secret is shown this once.")
		}
	})
}

func describeAccount(w io.Writer, a account) {
	admin := ""
	if a.AdminUserID != 0 {
		admin = a.AdminUserID.String()
	}
	pairs(w,
		[2]string{"tenant", a.TenantID.String()},
		[2]string{"root department", a.RootDepartmentID.String()},
		[2]string{"administrator (X-User-Id)", admin},
		[2]string{"AppId", a.AppID},
		[2]string{"AppSecret", a.AppSecret},
	)
}

type credentialListCmd struct {
	lists
	tenantFlags
}

func (c *credentialListCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base, err := c.base(ctx, api)
	if err != nil {
		return err
	}
	var list native.Credentials
	if err := api.call(ctx, http.MethodGet, base+"/credentials", nil, &list); err != nil {
		return err
	}
	rows := make([][]string, len(list.Credentials))
	for i := range list.Credentials {
		rows[i] = credentialRow(&list.Credentials[i])
	}
	return p.list(list, credentialHeading, rows)
}

const credentialHeading = "APPID STATE SCOPES SECRETS CREATED NAME"

func credentialRow(c *native.Credential) []string {
	state := "enabled"
	if c.Disabled {
		state = "disabled"
	}
	secrets := "1"
	if len(c.Secrets) > 1 {
		secrets = fmt.Sprintf("%d, the old one until %s", len(c.Secrets), stamp(c.Secrets[1].ExpiresAt))
	}
	return []string{c.AppID, state, strings.Join(c.Scopes, ","), secrets, stamp(c.CreatedAt), c.Name}
}

type credentialRotateCmd struct {
	tenantFlags
	App        string `arg:"" name:"app-id" help:"AppId of the credential."`
	Overlap    period `env:"-" default:"24h" placeholder:"TIME" help:"How long the old secret goes on working; 0s ends it at once."`
	SecretFile string `env:"-" type:"path" placeholder:"FILE" help:"File with the new secret, - for standard input; made if not given."`
}

func (c *credentialRotateCmd) Run(ctx context.Context, p *printer) (err error) {
	secret, err := readSecret(c.SecretFile, p.In)
	if err != nil {
		return err
	}
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := c.path(ctx, api, c.App)
	if err != nil {
		return err
	}
	body := native.Rotation{Overlap: time.Duration(c.Overlap).String(), Secret: secret}
	var issued native.Credential
	if err := api.call(ctx, http.MethodPost, path+"/rotate", body, &issued); err != nil {
		return err
	}
	return p.print(issued, func(w io.Writer) {
		pairs(w, [2]string{"AppId", issued.AppID}, [2]string{"AppSecret", issued.Secret})
		if len(issued.Secrets) > 1 {
			_, _ = fmt.Fprintf(w, "\nThe old secret works until %s.\n", stamp(issued.Secrets[1].ExpiresAt))
		} else {
			_, _ = fmt.Fprintln(w, "\nThe old secret works no more.")
		}
	})
}

type credentialDisableCmd struct{ credentialStateCmd }

func (c *credentialDisableCmd) Run(ctx context.Context, p *printer) error {
	return c.change(ctx, p, native.CredentialPatch{Disabled: new(true)})
}

type credentialEnableCmd struct{ credentialStateCmd }

func (c *credentialEnableCmd) Run(ctx context.Context, p *printer) error {
	return c.change(ctx, p, native.CredentialPatch{Disabled: new(false)})
}

type credentialSetCmd struct {
	credentialStateCmd
	scopeFlags
}

func (c *credentialSetCmd) Run(ctx context.Context, p *printer) error {
	if len(c.Scopes) == 0 {
		return usagef("nothing to set: give --scopes")
	}
	return c.change(ctx, p, native.CredentialPatch{Scopes: c.Scopes})
}

type credentialStateCmd struct {
	tenantFlags
	App string `arg:"" name:"app-id" help:"AppId of the credential."`
}

func (c *credentialStateCmd) change(ctx context.Context, p *printer, patch native.CredentialPatch) (err error) {
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := c.path(ctx, api, c.App)
	if err != nil {
		return err
	}
	var changed native.Credential
	if err := api.call(ctx, http.MethodPatch, path, patch, &changed); err != nil {
		return err
	}
	return p.print(changed, func(w io.Writer) { table(w, credentialHeading, [][]string{credentialRow(&changed)}) })
}
