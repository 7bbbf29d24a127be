package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"muster"
	"muster/api/native"
)

type federationCmd struct {
	Show federationShowCmd `cmd:"" help:"Show how a tenant takes in users that another system knows."`
	Set  federationSetCmd  `cmd:"" help:"Change how a tenant takes in such users, by flags or as a whole by a file."`
	Test federationTestCmd `cmd:"" help:"See what would become of a federated user, without writing."`
}

// federation is where the API has the tenant's profile.
func (f *tenantFlags) federation(ctx context.Context, api *nativeClient) (string, error) {
	base, err := f.base(ctx, api)
	return base + "/federation", err
}

type federationShowCmd struct {
	tenantFlags
}

func (c *federationShowCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := c.federation(ctx, api)
	if err != nil {
		return err
	}
	var profile native.FederationProfile
	if err := api.call(ctx, http.MethodGet, path, nil, &profile); err != nil {
		return err
	}
	return printProfile(p, &profile)
}

func printProfile(p *printer, profile *native.FederationProfile) error {
	return p.print(profile, func(w io.Writer) { describeProfile(w, profile) })
}

func describeProfile(w io.Writer, p *native.FederationProfile) {
	lines := [][2]string{{"identity system", "none: every row fails"}}
	if s := p.System; s != nil {
		lines[0][1] = s.ID + ", kind " + s.Kind
		lines = append(lines, [2]string{"url", s.URL})
		if s.Kind == muster.SystemHTTP {
			lines = append(lines, [2]string{"secret", yesNo(s.HasSecret)}, [2]string{"private addresses", yesNo(s.AllowPrivate)})
		}
	}
	if m := p.Mapping; m != nil {
		lines = append(lines, [2]string{"condition", or(m.Condition, "true")}, [2]string{"account", or(m.Account, "the row's")},
			[2]string{"display name", or(m.DisplayName, "the row's userName")}, [2]string{"email", or(m.Email, "the row's")},
			[2]string{"roles", or(m.Roles, "the row's roleIds")})
	} else {
		lines = append(lines, [2]string{"mapping rule", "none: every row fails"})
	}
	number := func(n, byDefault int) string {
		if n == 0 {
			return strconv.Itoa(byDefault) + " (default)"
		}
		return strconv.Itoa(n)
	}
	lines = append(lines, [2]string{"account length from", number(p.Account.MinLength, 6)}, [2]string{"account length to", number(p.Account.MaxLength, 50)},
		[2]string{"account characters", "letters, digits and " + or(p.Account.Characters, "@.-_ (default)")},
		[2]string{"most of userAccount", number(p.Limits.Account, 50)}, [2]string{"most of userName", number(p.Limits.UserName, 20)},
		[2]string{"most of email", number(p.Limits.Email, 254)}, [2]string{"most before the @", number(p.Limits.EmailLocal, 64)},
		[2]string{"most role ids", number(p.Limits.Roles, 20)})
	pairs(w, lines...)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// profileFlags change parts of a profile. Those that are not given stay as they are.
type profileFlags struct {
	SystemID     *string `env:"-" placeholder:"ID" help:"Your own name for the identity system."`
	SystemKind   *string `env:"-" placeholder:"KIND" help:"local: takes what the row says; http: asks a URL about each user; none: every row fails."`
	SystemURL    *string `env:"-" placeholder:"URL" help:"What kind http is to GET, with {account} where the account belongs."`
	AllowPrivate *bool   `env:"-" negatable:"" help:"Whether that may be a loopback, link-local or private address."`
	SecretFile   string  `env:"-" type:"path" placeholder:"FILE" help:"File with the secret to send along as bearer token, - for standard input."`
	NoSecret     bool    `env:"-" help:"Send no secret."`

	Condition   *string `env:"-" placeholder:"CEL" help:"Expression that admits a user; empty admits all."`
	Account     *string `env:"-" placeholder:"CEL" help:"Expression that gives the account; empty is the row's own, as for those below."`
	DisplayName *string `env:"-" placeholder:"CEL" help:"Expression that gives the display name."`
	Email       *string `env:"-" placeholder:"CEL" help:"Expression that gives the e-mail address."`
	Roles       *string `env:"-" placeholder:"CEL" help:"Expression that gives the list of role ids."`
	NoMapping   bool    `env:"-" help:"Have no mapping rule: every row fails."`

	AccountMin        *int    `env:"-" placeholder:"N" help:"Least characters of an account; 0 is the default, as for those below."`
	AccountMax        *int    `env:"-" placeholder:"N" help:"Most characters of an account."`
	AccountCharacters *string `env:"-" placeholder:"CHARS" help:"Punctuation that accounts may have; empty for @.-_"`

	LimitAccount    *int `env:"-" placeholder:"N" help:"Most characters of userAccount that createTask takes."`
	LimitUserName   *int `env:"-" placeholder:"N" help:"Most characters of userName."`
	LimitEmail      *int `env:"-" placeholder:"N" help:"Most characters of email."`
	LimitEmailLocal *int `env:"-" placeholder:"N" help:"Most characters of email before the @."`
	LimitRoles      *int `env:"-" placeholder:"N" help:"Most role ids of a row."`
}

const kindNone = "none"

// apply changes a profile as the API gave it; secret is what SecretFile holds.
func (f *profileFlags) apply(p *native.FederationProfile, secret string) error {
	if err := f.applySystem(p, secret); err != nil {
		return err
	}
	if f.Condition != nil || f.Account != nil || f.DisplayName != nil || f.Email != nil || f.Roles != nil {
		if f.NoMapping {
			return usagef("--no-mapping goes without expressions")
		}
		if p.Mapping == nil {
			p.Mapping = &muster.MappingRule{}
		}
		set(&p.Mapping.Condition, f.Condition)
		set(&p.Mapping.Account, f.Account)
		set(&p.Mapping.DisplayName, f.DisplayName)
		set(&p.Mapping.Email, f.Email)
		set(&p.Mapping.Roles, f.Roles)
	}
	if f.NoMapping {
		p.Mapping = nil
	}
	set(&p.Account.MinLength, f.AccountMin)
	set(&p.Account.MaxLength, f.AccountMax)
	set(&p.Account.Characters, f.AccountCharacters)
	set(&p.Limits.Account, f.LimitAccount)
	set(&p.Limits.UserName, f.LimitUserName)
	set(&p.Limits.Email, f.LimitEmail)
	set(&p.Limits.EmailLocal, f.LimitEmailLocal)
	set(&p.Limits.Roles, f.LimitRoles)
	return nil
}

func (f *profileFlags) applySystem(p *native.FederationProfile, secret string) error {
	others := f.SystemID != nil || f.SystemURL != nil || f.AllowPrivate != nil || f.SecretFile != "" || f.NoSecret
	if f.SystemKind != nil && *f.SystemKind == kindNone {
		if others {
			return usagef("--system-kind none goes without the other flags of the system")
		}
		p.System = nil
		return nil
	}
	if f.SystemKind == nil && !others {
		return nil
	}
	if p.System == nil {
		p.System = &native.IdentitySystem{ID: muster.SystemLocal, Kind: muster.SystemLocal}
	}
	s := p.System
	set(&s.ID, f.SystemID)
	set(&s.Kind, f.SystemKind)
	if s.Kind == muster.SystemLocal && f.SystemKind != nil { // what it had as another kind goes with that
		s.URL, s.AllowPrivate = "", false
	}
	set(&s.URL, f.SystemURL)
	set(&s.AllowPrivate, f.AllowPrivate)
	switch none := ""; {
	case f.NoSecret && f.SecretFile != "":
		return usagef("--no-secret and --secret-file exclude each other")
	case f.NoSecret:
		s.Secret = &none
	case f.SecretFile != "":
		s.Secret = &secret
	}
	return nil
}

type federationSetCmd struct {
	tenantFlags
	profileFlags
	File string `env:"-" type:"path" placeholder:"FILE" help:"File with the whole profile, as show --output json prints it, or in TOML if its name ends so; - for standard input. Flags change it further."`
}

func (c *federationSetCmd) Run(ctx context.Context, p *printer) (err error) {
	if c.File == "" && c.profileFlags == (profileFlags{}) {
		return usagef("nothing to set: give --file, or flags for what is to change")
	}
	if c.File == "-" && c.SecretFile == "-" {
		return usagef("--file and --secret-file cannot both be standard input")
	}
	secret, err := readSecret(c.SecretFile, p.In)
	if err != nil {
		return err
	}
	var profile native.FederationProfile
	if c.File != "" {
		if err := readDocument(c.File, p.In, &profile); err != nil {
			return err
		}
	}
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := c.federation(ctx, api)
	if err != nil {
		return err
	}
	if c.File == "" {
		if err := api.call(ctx, http.MethodGet, path, nil, &profile); err != nil {
			return err
		}
	}
	if err := c.apply(&profile, secret); err != nil {
		return err
	}
	var stored native.FederationProfile
	if err := api.call(ctx, http.MethodPut, path, &profile, &stored); err != nil {
		return err
	}
	return printProfile(p, &stored)
}

// maxDocument bounds a file with a profile or a row, in bytes.
const maxDocument = 64 << 10

// readDocument reads a file, or standard input where it is called -, in JSON, or in TOML if its name ends so. Names that are
// unknown are refused, so that a typing mistake is not silently ignored.
func readDocument(name string, stdin io.Reader, into any) error {
	source := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return usagef("file: %w", err)
		}
		defer f.Close()
		source = f
	}
	text, err := io.ReadAll(io.LimitReader(source, maxDocument+1))
	switch {
	case err != nil:
		return fmt.Errorf("file: %w", err)
	case len(text) > maxDocument:
		return usagef("file: want at most %d bytes", maxDocument)
	}
	if strings.EqualFold(filepath.Ext(name), ".toml") {
		var table map[string]any
		if err := toml.Unmarshal(text, &table); err != nil {
			return usagef("file: %w", err)
		}
		if text, err = json.Marshal(table); err != nil {
			return usagef("file: %w", err)
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return usagef("file: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return usagef("file: something follows the document")
	}
	return nil
}

type federationTestCmd struct {
	tenantFlags
	Action   string   `env:"-" placeholder:"ACTION" help:"CREATE, MODIFY or DISABLE. (default CREATE)"`
	Account  string   `env:"-" placeholder:"ACCOUNT" help:"userAccount of the row."`
	UserName *string  `env:"-" placeholder:"NAME" help:"userName of the row."`
	Email    *string  `env:"-" placeholder:"ADDRESS" help:"email of the row."`
	Role     []string `env:"-" placeholder:"ID" help:"One of the row's roleIds; may be repeated."`
	Row      string   `env:"-" type:"path" placeholder:"FILE" help:"File with the row in JSON, as an element of federationUserList, instead of the flags above; - for standard input."`
}

func (c *federationTestCmd) Run(ctx context.Context, p *printer) (err error) {
	row := muster.FederatedUser{Action: or(c.Action, muster.ActionCreate.String()), UserAccount: c.Account, UserName: c.UserName, Email: c.Email, RoleIDs: c.Role}
	flags := c.Action != "" || c.Account != "" || c.UserName != nil || c.Email != nil || c.Role != nil
	switch {
	case c.Row != "" && flags:
		return usagef("--row goes without the flags for a row's fields")
	case c.Row == "" && !flags:
		return usagef("give --row, or --account and what else the row has")
	case c.Row != "":
		row = muster.FederatedUser{}
		if err := readDocument(c.Row, p.In, &row); err != nil {
			return err
		}
	}
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := c.federation(ctx, api)
	if err != nil {
		return err
	}
	var trial muster.FederationTrial
	if err := api.call(ctx, http.MethodPost, path+"/test", &row, &trial); err != nil {
		return err
	}
	if err := p.print(trial, func(w io.Writer) { describeTrial(w, &trial) }); err != nil {
		return err
	}
	if trial.Result != muster.Succeeded.String() {
		return refused{fmt.Errorf("the row would not succeed: %s", trial.Code)}
	}
	return nil
}

func describeTrial(w io.Writer, t *muster.FederationTrial) {
	lines := [][2]string{{"result", t.Result}, {"code", t.Code}, {"message", t.Message}, {"reason", t.Reason}, {"field", t.Field}, {"detail", t.Detail}}
	if u := t.User; u != nil {
		if u.ID != 0 {
			lines = append(lines, [2]string{"id", u.ID.String()})
		}
		lines = append(lines, [2]string{"userAccount", u.Account})
		if u.Name != nil {
			lines = append(lines, [2]string{"userName", *u.Name})
		}
		if u.Email != nil {
			lines = append(lines, [2]string{"email", *u.Email})
		}
		var roles []string
		for _, id := range u.RoleIDs {
			roles = append(roles, id.String())
		}
		if u.RoleIDs != nil {
			lines = append(lines, [2]string{"roleIds", or(strings.Join(roles, ", "), "none")})
		}
	}
	pairs(w, lines...)
}
