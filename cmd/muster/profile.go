package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/term"
)

// appIDVariable holds the AppId that goes with secretVariable.
const appIDVariable = "MUSTER_APP_ID"

type profileCmd struct {
	Add    profileAddCmd    `cmd:"" help:"Remember a server and the key pair to call it with."`
	List   profileListCmd   `cmd:"" help:"List the servers that are remembered."`
	Show   profileShowCmd   `cmd:"" help:"Show a profile, without its secret."`
	Remove profileRemoveCmd `cmd:"" help:"Forget a profile and its secret."`
	Use    profileUseCmd    `cmd:"" help:"Have commands work with a profile's server where nothing else is chosen."`
}

// profile is a server and the key pair with which it is called.
type profile struct {
	URL    string `json:"url"`
	AppID  string `json:"appId"`
	Secret string `json:"secret"`
}

// String leaves the secret out, so that no format or log shows it.
func (p profile) String() string { return fmt.Sprintf("%s as AppId %q", p.URL, p.AppID) }

// GoString leaves the secret out.
func (p profile) GoString() string { return p.String() }

// LogValue leaves the secret out.
func (p profile) LogValue() slog.Value { return slog.StringValue(p.String()) }

// profiles is the user's file of them.
type profiles struct {
	Current  string             `json:"current,omitempty"` // the one in use; "": none
	Profiles map[string]profile `json:"profiles"`
}

// shownProfile is what is printed of one.
type shownProfile struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	AppID   string `json:"appId"`
	Current bool   `json:"current"`
}

func (p *profiles) shown(name string) shownProfile {
	one := p.Profiles[name]
	return shownProfile{Name: name, URL: one.URL, AppID: one.AppID, Current: name == p.Current}
}

// profilesFile is where the user's profiles are.
func profilesFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("profiles: %w", err)
	}
	return filepath.Join(dir, "muster", "profiles.json"), nil
}

// readProfiles reads the user's profiles; there need not be any. A file that others can read is refused: it has secrets.
func readProfiles() (*profiles, error) {
	all := &profiles{Profiles: map[string]profile{}}
	name, err := profilesFile()
	if err != nil {
		return all, nil //nolint:nilerr // who has no home has no profiles either
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	const others = 0o077
	if info.Mode().Perm()&others != 0 {
		return nil, refused{fmt.Errorf("%s has secrets, and others may read it: chmod 600 makes it yours alone", name)}
	}
	if err := json.NewDecoder(f).Decode(all); err != nil {
		return nil, fmt.Errorf("profiles: %s is not what muster profile writes: %w", name, err)
	}
	if all.Profiles == nil {
		all.Profiles = map[string]profile{}
	}
	return all, nil
}

// write puts the profiles in the place of those that were there, at once and for the user alone.
func (p *profiles) write() (err error) {
	name, err := profilesFile()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("profiles: %w", err)
		}
	}()
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "profiles-*") // of mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// find checks that a profile is there.
func (p *profiles) find(name string) error {
	if _, there := p.Profiles[name]; there {
		return nil
	}
	known := "there are none"
	if len(p.Profiles) > 0 {
		known = "there are " + strings.Join(slices.Sorted(maps.Keys(p.Profiles)), ", ")
	}
	return refused{fmt.Errorf("there is no profile %q: %s", name, known)}
}

// loadProfile gives the profile of a name, or the one in use if that is ""; nil if none is.
func loadProfile(name string) (*profile, error) {
	all, err := readProfiles()
	if err != nil {
		return nil, err
	}
	if name == "" {
		if name = all.Current; name == "" {
			return nil, nil //nolint:nilnil // none is in use
		}
	}
	if err := all.find(name); err != nil {
		return nil, err
	}
	found := all.Profiles[name]
	return &found, found.check()
}

type profileAddCmd struct {
	Name       string `arg:"" help:"What to call it: letters, digits, dots, dashes and underscores."`
	URL        string `env:"-" required:"" placeholder:"URL" help:"Where the server is, with the path prefix if it has one."`
	AppID      string `placeholder:"ID" help:"AppId of the key pair."`
	SecretFile string `env:"-" type:"path" placeholder:"FILE" help:"File with the key pair's secret in its first line, - for standard input; else a terminal is asked."`
	Use        bool   `env:"-" help:"Use it from now on where nothing else is chosen."`
	Check      bool   `env:"-" default:"true" negatable:"" help:"Call the server first, and keep nothing if it refuses."`
}

func (c *profileAddCmd) Help() string {
	return "The profile goes to profiles.json in the folder muster of the user's configuration folder, which for others is closed. One of the " +
		"same name is replaced. The secret is no flag, since every user of the machine can read the flags of its processes."
}

func (c *profileAddCmd) Run(ctx context.Context, p *printer) error {
	if !regexp.MustCompile(`^[\w.-]{1,64}$`).MatchString(c.Name) {
		return usagef("the name has 1 to 64 letters, digits, dots, dashes and underscores")
	}
	made := profile{URL: c.URL, AppID: c.AppID}
	var err error
	if made.Secret, err = c.secret(p); err != nil {
		return err
	}
	if err := made.check(); err != nil {
		return err
	}
	if c.Check {
		if err := made.try(ctx); err != nil {
			return err
		}
	}
	all, err := readProfiles()
	if err != nil {
		return err
	}
	all.Profiles[c.Name] = made
	if c.Use {
		all.Current = c.Name
	}
	if err := all.write(); err != nil {
		return err
	}
	return printServer(p, all.shown(c.Name))
}

// secret reads it from the file or asks for it.
func (c *profileAddCmd) secret(p *printer) (string, error) {
	if c.SecretFile != "" {
		return readSecret(c.SecretFile, p.In)
	}
	in, ok := p.In.(*os.File)
	if !ok || !isTerminal(in) {
		return "", usagef("the secret is missing: give --secret-file, - for standard input")
	}
	_, _ = fmt.Fprint(p.Err, "Secret: ")
	text, err := term.ReadPassword(int(in.Fd()))
	_, _ = fmt.Fprintln(p.Err)
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	return string(text), nil
}

// try calls the server.
func (p *profile) try(ctx context.Context) (err error) {
	api, done := p.client()
	defer closing(done, &err)
	return api.call(ctx, http.MethodGet, ownTenant, nil, nil)
}

func printServer(p *printer, one shownProfile) error {
	return p.print(one, func(w io.Writer) {
		current := ""
		if one.Current {
			current = "yes"
		}
		pairs(w, [2]string{"name", one.Name}, [2]string{"url", one.URL}, [2]string{"AppId", one.AppID}, [2]string{"in use", current})
	})
}

type profileListCmd struct{ lists }

// profileList is what is printed as JSON.
type profileList struct {
	Profiles []shownProfile `json:"profiles"`
}

func (c *profileListCmd) Run(p *printer) error {
	all, err := readProfiles()
	if err != nil {
		return err
	}
	list := profileList{Profiles: []shownProfile{}}
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(all.Profiles)) {
		one := all.shown(name)
		list.Profiles = append(list.Profiles, one)
		current := ""
		if one.Current {
			current = "yes"
		}
		rows = append(rows, []string{one.Name, one.URL, one.AppID, current})
	}
	return p.list(list, "NAME URL APPID CURRENT", rows)
}

// profileArg names a profile.
type profileArg struct {
	Name string `arg:"" help:"Name of the profile."`
}

type profileShowCmd struct {
	Name string `arg:"" optional:"" help:"Name of the profile; the one in use if not given."`
}

func (c *profileShowCmd) Run(p *printer) error {
	all, err := readProfiles()
	if err != nil {
		return err
	}
	if c.Name == "" {
		if c.Name = all.Current; c.Name == "" {
			return refused{errors.New("no profile is in use: name one, or choose one with muster profile use")}
		}
	}
	if err := all.find(c.Name); err != nil {
		return err
	}
	return printServer(p, all.shown(c.Name))
}

type profileRemoveCmd struct{ profileArg }

func (c *profileRemoveCmd) Run(p *printer) error {
	all, err := readProfiles()
	if err != nil {
		return err
	}
	if err := all.find(c.Name); err != nil {
		return err
	}
	gone := all.shown(c.Name)
	delete(all.Profiles, c.Name)
	if gone.Current {
		all.Current = ""
	}
	if err := all.write(); err != nil {
		return err
	}
	return p.print(gone, func(w io.Writer) { _, _ = fmt.Fprintf(w, "The profile %s is gone.\n", gone.Name) })
}

type profileUseCmd struct {
	Name string `arg:"" optional:"" help:"Name of the profile; without one, commands work with this machine again."`
}

func (c *profileUseCmd) Run(p *printer) error {
	all, err := readProfiles()
	if err != nil {
		return err
	}
	if c.Name != "" {
		if err := all.find(c.Name); err != nil {
			return err
		}
	}
	all.Current = c.Name
	if err := all.write(); err != nil {
		return err
	}
	if c.Name == "" {
		return p.print(shownProfile{}, func(w io.Writer) { _, _ = fmt.Fprintln(w, "No profile is in use.") })
	}
	return printServer(p, all.shown(c.Name))
}
