package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"muster/api/native"
	"muster/client"
	"muster/secret"
)

// cluster is a database that servers share, and their master key.
type cluster struct {
	url, key string
	first    *account // the first server's
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{url: postgresServer.Database(t, ""), key: filepath.Join(t.TempDir(), "master.key")}
	if _, err := secret.GenerateKeyFile(c.key); err != nil {
		t.Fatal(err)
	}
	return c
}

// flags are those of a command that opens the database.
func (c *cluster) flags() localFlags {
	return localFlags{MasterKey: c.key, databaseFlags: databaseFlags{Database: c.url}}
}

// node is a server on the database, changed by tune before it starts. It is stopped at the end of the test.
func (c *cluster) node(t *testing.T, tune func(*serverOptions)) *server {
	t.Helper()
	s := startedServer(t, func(o *serverOptions) {
		shared, err := new(c.flags()).installation(quiet())
		if err != nil {
			t.Fatal(err)
		}
		o.dir, o.database, o.masterKey = "", shared.database, shared.masterKey
		if tune != nil {
			tune(o)
		}
	})
	if s.first != nil {
		c.first = s.first
	}
	return s
}

// caller signs what it sends to a server with the first tenant's key pair.
func (c *cluster) caller(t *testing.T, s *server) *client.Client {
	t.Helper()
	return (&server{first: c.first}).caller(t, s.url())
}

// operate calls the native API as a local command does.
func (c *cluster) operate(t *testing.T, method, path string, in, out any) {
	t.Helper()
	flags := c.flags()
	api, done, err := flags.local(t.Context(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	if err := api.call(t.Context(), method, path, in, out); err != nil {
		t.Fatal(err)
	}
}

// provisioned sends a batch of users to one server, and returns when another says that all were created.
func (c *cluster) provisioned(t *testing.T, to, of *server, users ...client.User) {
	t.Helper()
	id, err := c.caller(t, to).CreateBatch(t.Context(), users)
	if err != nil {
		t.Fatal(err)
	}
	task, err := c.caller(t, of).Wait(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if task.Succeeded != len(users) {
		t.Errorf("%+v of %d users", task, len(users))
	}
}

func TestServersShareWhatTheyKnow(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	one, two := c.node(t, nil), c.node(t, nil)
	if one.first == nil || two.first != nil {
		t.Fatal("the second server found no installation")
	}
	c.provisioned(t, one, two, client.User{FirstName: "Ada", Phone: "+27100000001", Password: "correct-Horse7"})

	// A token that one gave opens the other, and ends on both with its user.
	const prefix = "/koodrive/ose/v1"
	status, answer := one.call(t, http.MethodPost, prefix+"/auth/login", "", "application/json",
		`{"account":"+27100000001","authType":"1","password":"correct-Horse7"}`)
	found := regexp.MustCompile(`"accessToken":"([^"]+)"`).FindStringSubmatch(answer)
	if found == nil {
		t.Fatalf("sign-in: %d %s", status, answer)
	}
	opens := func(s *server, want int) {
		t.Helper()
		if status, answer := s.call(t, http.MethodGet, prefix+"/user/info", found[1], "", ""); status != want {
			t.Errorf("%d %s, want %d", status, answer, want)
		}
	}
	opens(one, 200)
	opens(two, 200)
	var users native.Users
	base := "/tenants/" + c.first.TenantID.String() + "/users"
	c.operate(t, http.MethodGet, base+"?phone="+"%2B27100000001", nil, &users)
	if len(users.Users) != 1 {
		t.Fatalf("%d users have Ada's phone", len(users.Users))
	}
	c.operate(t, http.MethodPatch, base+"/"+users.Users[0].ID.String(), map[string]bool{"disabled": true}, nil)
	opens(one, 401)
	opens(two, 401)

	// What was refused by one counts at the other.
	guess := func(s *server) int {
		t.Helper()
		body := fmt.Sprintf(`{"app_key":%q,"app_secret":"not the secret of it"}`, c.first.AppID)
		status, _ := s.call(t, http.MethodPost, "/apigovernance/api/oauth/tokenByAkSk", "", "application/json", body)
		return status
	}
	for range 5 {
		if a, b := guess(one), guess(two); a != 401 || b != 401 {
			t.Fatalf("guesses get %d and %d", a, b)
		}
	}
	if a, b := guess(one), guess(two); a != 429 || b != 429 {
		t.Errorf("after ten guesses, five at each, there are %d and %d", a, b)
	}
}

// Lanes have their turns on whichever server is free.
func TestServersShareTheWork(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	servers := []*server{c.node(t, nil), c.node(t, nil)}
	worked := func(s *server) bool {
		t.Helper()
		_, metrics := s.call(t, http.MethodGet, "/metrics", "", "", "")
		return !regexp.MustCompile(`muster_turns_total\{end="done"\} [1-9]`).MatchString(metrics)
	}
	for n := 0; worked(servers[0]) || worked(servers[1]); n++ {
		if n == 500 {
			t.Fatal("of 500 batches one server worked off all")
		}
		phone := fmt.Sprintf("+2710%07d", n)
		c.provisioned(t, servers[n%2], servers[1-n%2], client.User{FirstName: "Ada", Phone: phone})
	}
}

// While keys are rotated by a command, servers go on: one that hears of it soon, and one that does so only when it meets a
// key that it does not know. In the end nothing is left under an older key.
func TestKeysAreRotatedBesideServers(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	soon := c.node(t, func(o *serverOptions) { o.refresh = 10 * time.Millisecond })
	late := c.node(t, func(o *serverOptions) { o.refresh = time.Hour })
	const rotations = 4
	for n := range rotations {
		for k, s := range []*server{soon, late} {
			c.provisioned(t, s, late, client.User{FirstName: "Ada", Phone: fmt.Sprintf("+27100%03d%03d", n, k)})
		}
		var rotated native.KeysRotated
		c.operate(t, http.MethodPost, "/keys/rotate", native.KeyRotation{}, &rotated)
		if rotated.ActiveVersion != n+2 {
			t.Errorf("rotation %d made %+v", n, rotated)
		}
	}
	c.provisioned(t, late, soon, client.User{FirstName: "Ada", Phone: "+27100999999"})
	for {
		var status secret.Status
		c.operate(t, http.MethodGet, "/keys", nil, &status)
		versions, sealed := 0, 0
		for _, k := range status.Keys {
			if k.Purpose == secret.PurposeWrap {
				versions++
				sealed += k.Items
			}
		}
		if versions == 1 && sealed > 0 && status.ActiveVersion == rotations+1 {
			break
		}
	}
	for _, s := range []*server{soon, late} {
		if status, answer := s.call(t, http.MethodGet, "/readyz", "", "", ""); status != 200 {
			t.Errorf("%d %s", status, answer)
		}
	}
}

// A server of the user who may not change the schema works on one that somebody else has brought up to date, and behind a
// pooler in transaction mode.
func TestAServerThatMayNotChangeTheSchema(t *testing.T) {
	t.Parallel()
	for name, pooled := range map[string]bool{"direct": false, "behind a pooler": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			up := migrateUpCmd{c.flags().databaseFlags}
			if err := up.Run(t.Context(), quiet()); err != nil {
				t.Fatal(err)
			}
			c.restrict(t)
			tune := func(o *serverOptions) {}
			if pooled {
				config, err := pgx.ParseConfig(c.url)
				if err != nil {
					t.Fatal(err)
				}
				c.url = postgresServer.URLAt(postgresServer.Pooler(t, 10), config.Database)
				tune = func(o *serverOptions) { o.database.options.Pooled = true }
			}
			one, two := c.node(t, tune), c.node(t, tune)
			c.provisioned(t, one, two, client.User{FirstName: "Ada", Phone: "+27100000001"})
		})
	}
}

// restrict has the cluster's commands use the database as a user who may read and write rows.
func (c *cluster) restrict(t *testing.T) {
	t.Helper()
	owner, err := pgx.Connect(t.Context(), c.url)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(t.Context())
	config := owner.Config()
	role := "rows_of_" + config.Database
	for _, text := range []string{
		`CREATE ROLE ` + role + ` LOGIN PASSWORD 'hunter2'`,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ` + role,
		`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ` + role,
	} {
		if _, err := owner.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	c.url = fmt.Sprintf("postgres://%s:hunter2@%s/%s?sslmode=disable", role, postgresServer.Address(), config.Database)
}

// process is a muster of its own.
type process struct {
	*exec.Cmd
	out *bufio.Reader
	err strings.Builder
}

// musterProcess starts one, which is killed at the end of the test if it runs then.
func musterProcess(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "muster") // by which the binary knows what it is
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), name, args...)}
	p.Env = append(os.Environ(), append(env, "GORACE=atexit_sleep_ms=0")...)
	p.Stderr = &p.err
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestServersThatStartAtOnceMakeOneInstallation: several processes, one of which is init, on an empty database.
func TestServersThatStartAtOnceMakeOneInstallation(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	env := []string{"MUSTER_DATABASE=" + c.url, "MUSTER_MASTER_KEY=" + c.key}
	servers := make([]*process, 5)
	beginning := musterProcess(t, env, "init", "--tenant", "begun", "--output", "json")
	for i := range servers {
		servers[i] = musterProcess(t, env, "serve", "--listen", "127.0.0.1:0", "--output", "json")
	}
	made := 0
	out, err := io.ReadAll(beginning.out)
	if err != nil {
		t.Fatal(err)
	}
	switch err := beginning.Wait(); {
	case err == nil && strings.Contains(string(out), "appSecret"):
		made++
	case beginning.ProcessState.ExitCode() != exitRefused:
		t.Errorf("init: %v: %s", err, beginning.err.String())
	}
	for i, p := range servers {
		var s started
		if err := json.NewDecoder(p.out).Decode(&s); err != nil {
			t.Fatalf("server %d: %v: %s", i, err, p.err.String())
		}
		if s.Created != nil {
			made++
		}
		answer, err := http.Get(s.URL + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		if r := responseOf(t, answer); r.Status != http.StatusOK {
			t.Errorf("server %d: %d %s", i, r.Status, r.Body)
		}
	}
	if made != 1 {
		t.Errorf("%d processes made an installation", made)
	}
	var tenants native.Tenants
	c.operate(t, http.MethodGet, "/tenants", nil, &tenants)
	if len(tenants.Tenants) != 1 {
		t.Errorf("there are %d tenants", len(tenants.Tenants))
	}
	if n := c.count(t, "SELECT count(*) FROM node_numbers WHERE owner <> ''"); n != len(servers) {
		t.Errorf("%d numbers are taken by %d servers", n, len(servers))
	}
	for i, p := range servers {
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(); err != nil {
			t.Errorf("server %d: %v: %s", i, err, p.err.String())
		}
	}
}

// count gives the number that a query answers.
func (c *cluster) count(t *testing.T, query string) (n int) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), c.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if err := db.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A server that could not reserve ids for long refuses what needs some, and says so; the others go on.
func TestAServerWithoutIDs(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	with, without := c.node(t, nil), c.node(t, nil)
	without.held.ids.Release()
	if status, answer := without.call(t, http.MethodGet, "/readyz", "", "", ""); status != 503 || !strings.Contains(answer, `["ids"]`) {
		t.Errorf("/readyz: %d %s", status, answer)
	}
	answer, err := c.caller(t, without).Do(t.Context(), client.Request{
		Method: http.MethodPost, Target: "/koodrive/ose/v1/user/batchRegister/create", Body: []byte(`{"userList":[{"firstname":"Ada","phone":"12345678"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != 503 || answer.Header.Get("Retry-After") != "5" {
		t.Errorf("%d %s, after %s", answer.Status, answer.Body, answer.Header.Get("Retry-After"))
	}
	c.provisioned(t, with, without, client.User{FirstName: "Ada", Phone: "+27100000001"})
}
