package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/access"
	"muster/api/activation"
	"muster/api/federation"
	"muster/api/koodrive"
	"muster/api/native"
	"muster/console"
	"muster/directory"
	"muster/mapping"
	"muster/password"
	"muster/provision"
	"muster/secret"
	"muster/spreadsheet"
	"muster/store/postgres"
	"muster/store/sqlite"
	"muster/webhook"
)

// masterKeyFile is the master key's file in the data folder, where --master-key names no other place.
const masterKeyFile = "master.key"

// installationOptions say which installation to open, and how.
type installationOptions struct {
	dir       string
	database  *database     // in place of the folder; nil: none
	masterKey string        // reference as for [secret.OpenMaster]; "" is the file in the data folder
	node      int           // of a folder: number of this process among those that make ids for the installation
	create    bool          // whether to make what is not there
	busy      time.Duration // of a folder: how long a write waits for another process's lock; zero is the store's own
	logger    *slog.Logger
}

// place tells a person which installation is meant.
func (o *installationOptions) place() string {
	if o.database != nil {
		return "the database " + o.database.name
	}
	return o.dir
}

// installation is one that this process has opened: a data folder, to which nobody else writes until close, or a database
// that it shares with others.
type installation struct {
	options installationOptions
	store   store
	shared  *postgres.Store // the store if others share it, else nil
	keys    *secret.Keyring
	ids     *muster.IDSource
	access  *access.Service
	hooks   *webhook.Service // which judges no URL: what is called is what the server was told
	closers []func() error
}

// store is all that a server wants of a database.
type store interface {
	provision.Store
	koodrive.Reader
	access.Store
	access.ProfileStore
	access.RoleStore
	access.TokenStore
	access.SignInStore
	access.OperatorStore
	console.Batches
	directory.Store
	native.AuditReader
	webhook.Store
	secret.KeyStore
	secret.Rewrapper
	Initialised(ctx context.Context) (bool, error)
	QueuedRows(ctx context.Context) (map[muster.ID]int64, error)
}

// openInstallation opens an installation, and a folder with its lock. When it returns, keys that it made are on the disk.
func openInstallation(ctx context.Context, o installationOptions) (_ *installation, err error) {
	in := &installation{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, in.close())
		}
	}()
	open := in.openFolder
	if o.database != nil {
		open = in.openDatabase
	}
	if err := open(ctx); err != nil {
		return nil, err
	}
	in.hooks = &webhook.Service{Store: in.store, Keyring: in.keys, IDs: in.ids, Now: time.Now, Anywhere: true}
	in.access = &access.Service{
		Store: in.store, Directory: provision.Direct{Store: in.store, Now: time.Now}, Keyring: in.keys, IDs: in.ids, Now: time.Now,
	}
	return in, nil
}

// openFolder takes the folder's lock and opens what is in it.
func (in *installation) openFolder(ctx context.Context) error {
	o := &in.options
	if !o.create {
		if _, err := os.Stat(filepath.Join(o.dir, sqlite.FileName)); errors.Is(err, fs.ErrNotExist) {
			return refused{fmt.Errorf("there is no installation in %s: muster init makes one, and --data names another folder", o.dir)}
		}
	}
	lock, err := lockFolder(o.dir)
	if err != nil {
		return err
	}
	in.atEnd(lock.Close)
	s, err := sqlite.Open(ctx, o.dir, sqlite.Options{Logger: o.logger, BusyTimeout: o.busy})
	if err != nil {
		return err
	}
	in.store = s
	in.atEnd(s.Close)
	master := o.masterKey
	if master == "" {
		master = filepath.Join(o.dir, masterKeyFile)
	}
	if in.keys, err = secret.Open(ctx, secret.Config{Master: master}, s); err != nil {
		return fmt.Errorf("open the keys of %s: %w", o.dir, err)
	}
	in.atEnd(in.keys.Close)
	floor, err := s.IDFloor(ctx)
	if err != nil {
		return err
	}
	in.ids, err = muster.NewIDSource(o.node, floor, time.Now)
	return err
}

// atEnd has close do something, before what it was told earlier.
func (in *installation) atEnd(f func() error) { in.closers = append(in.closers, f) }

// lockFolder takes the folder for this process alone, made if it is not there.
func lockFolder(dir string) (io.Closer, error) {
	lock, err := sqlite.Lock(dir)
	switch {
	case errors.Is(err, sqlite.ErrLocked):
		return nil, unavailable{err}
	case err != nil:
		return nil, err
	default:
		return lock, nil
	}
}

// refused is a command that makes no sense for the installation as it is.
type refused struct{ error }

func (refused) ExitCode() int { return exitRefused }

// noRetention keeps a command from forgetting batches: for how long they are kept is what the server was told.
const noRetention = 100 * 365 * 24 * time.Hour

// client is of the API as this process serves itself. Its engine stands still, and only says what one would do, until work
// is called; then it does what is queued until the client is closed. What is queued in a database is left to the servers.
func (in *installation) client() (_ *nativeClient, done func() error, err error) {
	pool, err := password.NewPool(password.Hasher{}, 0)
	if err != nil {
		return nil, nil, errors.Join(err, in.close())
	}
	engine, err := provision.New(provision.Config{
		Store: in.store, Keyring: in.keys, Hasher: pool, IDs: in.ids, Dispatcher: provision.NewLocal(runtime.GOMAXPROCS(0)), Now: time.Now,
		Logger: in.options.logger, Registerer: prometheus.NewRegistry(), DiskFree: in.diskFree(),
		Retention: noRetention, AuditRetention: noRetention,
	})
	if err != nil {
		pool.Close()
		return nil, nil, errors.Join(err, in.close())
	}
	works := false
	// Only the server knows at which address its pages are.
	pages := addresses{}
	c := &nativeClient{http: &http.Client{Transport: inProcess{native.New(in.native(engine, in.links(pool), in.operators(pool), pages, nil))}}}
	if in.shared == nil {
		c.work = func(ctx context.Context) error {
			err := engine.Start(ctx)
			works = err == nil
			return err
		}
	}
	return c, func() error {
		var err error
		if works {
			ctx, cancel := context.WithTimeout(context.Background(), turnDrain)
			defer cancel()
			err = engine.Stop(ctx)
		}
		pool.Close()
		return errors.Join(err, in.close())
	}, nil
}

// links makes links by which users set their passwords, and resets passwords.
func (in *installation) links(hasher access.Hasher) *access.Activations {
	return &access.Activations{Store: in.store, Keyring: in.keys, Hasher: hasher}
}

// operators are those who use the console.
func (in *installation) operators(hasher access.Hasher) *access.Operators {
	return &access.Operators{Store: in.store, Keyring: in.keys, Hasher: hasher, IDs: in.ids, Now: time.Now}
}

// addresses are where people find the pages of their links.
type addresses struct {
	base func() string // nil: only a server knows
}

func (a addresses) at() string {
	if a.base == nil {
		return ""
	}
	return a.base()
}

func (a addresses) activation(tenant muster.ID, secret string) string {
	return activation.Link(a.at(), tenant, secret)
}

func (a addresses) invitation(secret string) string { return console.InvitationLink(a.at(), secret) }

// native is what the native API stands on. Its answers without an end of their own end with stopping.
func (in *installation) native(
	engine *provision.Engine, links *access.Activations, operators *access.Operators, pages addresses, stopping <-chan struct{},
) native.Config {
	return native.Config{
		Passwords: links, UserReader: in.store, LinkAddress: pages.activation, Stopping: stopping,
		Operators: operators, InvitationAddress: pages.invitation,
		Access:      in.access,
		Departments: &directory.Departments{Store: in.store, IDs: in.ids, Now: time.Now},
		Users:       &directory.Users{Store: in.store, Changer: provision.Direct{Store: in.store, Now: time.Now}, IDs: in.ids, Hash: links.HashNew},
		Roles:       &access.Roles{Store: in.store, IDs: in.ids, Now: time.Now},
		Federation:  &access.Federation{Store: in.store, Keyring: in.keys, Check: mapping.CheckProfile},
		Trier:       &federation.Trier{Profiles: in.store, Engine: engine},
		Engine:      engine,
		Batches:     in.store,
		Workbooks:   spreadsheet.NewLimiter(1),
		Audit:       in.store,
		Webhooks:    in.hooks,
		Keys:        in.keys, Sealed: in.store, Logger: in.options.logger, Version: thisBuild().Version,
	}
}

// close lets go of the installation, with everything written where it belongs.
func (in *installation) close() error {
	var errs []error
	for _, f := range slices.Backward(in.closers) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// firstTenant is what a new installation begins with. Ids, and a key pair, that clients already hold can be brought along.
type firstTenant struct {
	name    string
	adminID muster.ID
	pair    native.NewCredential
}

const (
	firstTenantName     = "main"
	firstCredentialName = "first"
)

// begin makes the first tenant with its administrator and a credential, or returns nil where there is a tenant already.
func (in *installation) begin(ctx context.Context, first firstTenant) (made *account, err error) {
	initialised, err := in.store.Initialised(ctx)
	if err != nil || initialised {
		return nil, err
	}
	err = in.alone(ctx, func(ctx context.Context) error {
		if initialised, err := in.store.Initialised(ctx); err != nil || initialised {
			return err
		}
		made, err = in.makeFirst(ctx, first)
		return err
	})
	return made, err
}

func (in *installation) makeFirst(ctx context.Context, first firstTenant) (*account, error) {
	tenant, admin, err := in.access.CreateTenant(ctx, access.NewTenant{Name: first.name, AdminID: first.adminID})
	if err != nil {
		return nil, err
	}
	issued, err := in.access.CreateCredential(ctx, tenant.ID, access.NewCredential{
		Name: firstCredentialName, AppID: first.pair.AppID, Secret: first.pair.Secret,
	})
	if err != nil {
		return nil, fmt.Errorf("tenant %s was made and its credential was not, which muster credential create makes up for: %w", tenant.ID, err)
	}
	a := &account{
		TenantID: tenant.ID, AdminUserID: admin.ID, RootDepartmentID: tenant.RootDepartment, AppID: issued.Credential.AppID,
	}
	if first.pair.Secret == "" {
		a.AppSecret = issued.Secret
	}
	return a, nil
}

// masterKeyPlace tells a person where the master key is.
func masterKeyPlace(o installationOptions) string {
	if o.masterKey != "" {
		return "the master key"
	}
	return "the master key, " + filepath.Join(o.dir, masterKeyFile) + ","
}

// keysWork fails if the keys don't open what they seal.
func (in *installation) keysWork() error {
	binding := secret.Binding("readiness")
	opened, err := in.keys.OpenSecret(in.keys.SealSecret([]byte(masterKeyFile), binding), binding)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if string(opened) != masterKeyFile {
		return errors.New("keys: what was sealed opened as something else")
	}
	return nil
}
