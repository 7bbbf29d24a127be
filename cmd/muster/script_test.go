package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"muster/secret"
	"muster/store/postgres/pgtest"
	"muster/store/sqlite"
)

// postgresServer is the PostgreSQL of this package's tests.
var postgresServer *pgtest.Server

func TestMain(m *testing.M) {
	hashForParent() // which servers in this process start
	testscript.Main(pgtest.Main{Tests: m, Server: &postgresServer}, map[string]func(){"muster": main})
}

// TestScripts runs testdata/script: the command line as people and their scripts use it. With MUSTER_UPDATE_SCRIPTS=1 the
// outputs that the scripts compare with are written anew.
func TestScripts(t *testing.T) {
	t.Parallel()
	p := scriptParams("", nil)
	p.Dir = scripts
	p.UpdateScripts = os.Getenv("MUSTER_UPDATE_SCRIPTS") != ""
	testscript.Run(t, p)
}

// TestScriptsOnPostgreSQL runs some scripts, which say nothing of a data folder, once more on a database.
func TestScriptsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	p := scriptParams("postgres", func(env *testscript.Env) error {
		url, err := emptyDatabase(env.Defer)
		if err != nil {
			return err
		}
		env.Setenv("MUSTER_DATABASE", url)
		env.Setenv("MUSTER_MASTER_KEY", filepath.Join(env.WorkDir, "master.key"))
		_, err = secret.GenerateKeyFile(env.Getenv("MUSTER_MASTER_KEY"))
		return err
	})
	for _, name := range []string{"credential", "department_import", "import", "links", "request", "tenant"} {
		p.Files = append(p.Files, filepath.Join(scripts, name+".txtar"))
	}
	testscript.Run(t, p)
}

var scripts = filepath.Join("..", "..", "testdata", "script")

// emptyDatabase makes a database, and has it dropped.
func emptyDatabase(atEnd func(func())) (url string, err error) {
	name := "script_" + strings.ToLower(rand.Text())
	if err := postgresServer.Exec(context.Background(), "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	atEnd(func() { _ = postgresServer.Exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)") }) // it ends with the server
	return postgresServer.URL(name), nil
}

// scriptParams are those of scripts in which a condition holds: [postgres].
func scriptParams(condition string, setup func(*testscript.Env) error) testscript.Params {
	return testscript.Params{
		Condition: func(name string) (bool, error) {
			if name != "postgres" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return name == condition, nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("MUSTER_DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("COLUMNS", "")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command under the race detector ends with a second's sleep
			if setup != nil {
				if err := setup(env); err != nil {
					return err
				}
			}
			servers := &scriptServers{env: env, running: map[string]*scriptServer{}}
			env.Values[serversKey{}] = servers
			env.Defer(servers.kill)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"encode":   encode,
			"exits":    exits,
			"field":    field,
			"get":      get,
			"hold":     hold,
			"mode":     mode,
			"postgres": onPostgres,
			"receiver": receiver,
			"received": received,
			"serve":    serve,
			"settle":   settle,
			"until":    until,
		},
	}
}

// onPostgres makes an empty database: $DATABASE leads to it, $BARE does so without the password, which is in the file password.
func onPostgres(ts *testscript.TestScript, _ bool, _ []string) {
	url, err := emptyDatabase(ts.Defer)
	ts.Check(err)
	ts.Setenv("DATABASE", url)
	ts.Setenv("PASSWORD", postgresServer.Password())
	ts.Setenv("BARE", strings.Replace(url, ":"+postgresServer.Password()+"@", "@", 1))
	ts.Check(os.WriteFile(ts.MkAbs("password"), []byte(postgresServer.Password()+"\n"), 0o600))
}

// exits runs a muster command and wants an exit code: exits 3 tenant show nobody.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: exits CODE [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("muster", args[1:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("muster %s exited with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// until runs a muster command again and again until it prints what the pattern matches: until 'Ada' user list.
func until(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until PATTERN ARGUMENT...")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for range 200 { // runs of a process, which take some 10 s
		ts.Check(ts.Exec("muster", args[1:]...))
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("muster %s never printed %s", strings.Join(args[1:], " "), args[0])
}

// field puts a value from the JSON that was printed last into a variable: field APP credentials.0.appId. With ! there
// must be no such value.
func field(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: field VARIABLE PATH")
	}
	var value any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &value); err != nil {
		ts.Fatalf("what was printed is not JSON: %v", err)
	}
	for part := range strings.SplitSeq(args[1], ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[part]
		case []any:
			i, err := strconv.Atoi(part)
			ts.Check(err)
			if value = nil; i < len(v) {
				value = v[i]
			}
		default:
			value = nil
		}
	}
	switch {
	case neg && value != nil:
		ts.Fatalf("%s is %v, want none", args[1], value)
	case neg:
	case value == nil:
		ts.Fatalf("%s is not there", args[1])
	default:
		ts.Setenv(args[0], fmt.Sprint(value))
	}
}

// hold takes the data folder's lock, as another process does, until the script ends.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: hold DIR")
	}
	lock, err := sqlite.Lock(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { _ = lock.Close() })
}

// encode writes a file of UTF-8 in another encoding: encode utf-16 users.txt users.csv.
func encode(ts *testscript.TestScript, _ bool, args []string) {
	encodings := map[string]encoding.Encoding{
		"utf-16": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "windows-1252": charmap.Windows1252,
	}
	if len(args) != 3 || encodings[args[0]] == nil {
		ts.Fatalf("usage: encode utf-16|windows-1252 FROM TO")
	}
	text, err := encodings[args[0]].NewEncoder().String(ts.ReadFile(args[1]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text), 0o600))
}

// mode wants files of a mode: mode 600 data/master.key.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := info.Mode().Perm(); uint64(got) != want {
			ts.Fatalf("%s has mode %04o, want %04o", name, got, want)
		}
	}
}

type serversKey struct{}

// scriptServers are a script's servers by name, each a process of its own. The one that most scripts have is called "".
type scriptServers struct {
	env     *testscript.Env
	running map[string]*scriptServer
}

type scriptServer struct {
	cmd    *exec.Cmd
	output bytes.Buffer // what it printed before it listened
	rest   chan string  // what it printed and logged after, when it has ended
}

// serve starts muster, with the arguments given, and waits until it listens; $URL is where. One of several servers has a
// name: serve @two serve --listen 127.0.0.1:0.
func serve(ts *testscript.TestScript, _ bool, args []string) {
	servers := ts.Value(serversKey{}).(*scriptServers)
	name, args := serverName(args)
	if servers.running[name] != nil {
		ts.Fatalf("a server of that name runs already")
	}
	var binary string
	for dir := range strings.SplitSeq(ts.Getenv("PATH"), string(filepath.ListSeparator)) {
		if candidate := filepath.Join(dir, "muster"); binary == "" {
			if _, err := os.Stat(candidate); err == nil {
				binary = candidate
			}
		}
	}
	read, write, err := os.Pipe()
	ts.Check(err)
	s := &scriptServer{cmd: exec.Command(binary, args...), rest: make(chan string, 1)}
	s.cmd.Dir = ts.MkAbs(".")
	s.cmd.Env = slices.Clone(servers.env.Vars)
	for _, variable := range []string{"MUSTER_DATABASE", "MUSTER_MASTER_KEY", "MUSTER_DATABASE_PASSWORD_FILE"} { // which scripts set
		if value := ts.Getenv(variable); value != "" {
			s.cmd.Env = append(s.cmd.Env, variable+"="+value)
		}
	}
	s.cmd.Stdout, s.cmd.Stderr = write, write
	ts.Check(s.cmd.Start())
	ts.Check(write.Close())
	lines := bufio.NewReader(read)
	for {
		line, err := lines.ReadString('\n')
		s.output.WriteString(line)
		if rest, ok := strings.CutPrefix(line, "Muster serves "); ok {
			url, _, _ := strings.Cut(rest, " ")
			ts.Setenv("URL", url)
			break
		}
		if err != nil {
			_ = s.cmd.Wait()
			ts.Fatalf("the server ended before it listened:\n%s", s.output.String())
		}
	}
	servers.running[name] = s
	go func() {
		rest, _ := io.ReadAll(lines)
		s.rest <- string(rest)
	}()
}

func serverName(args []string) (name string, rest []string) {
	if len(args) > 0 && strings.HasPrefix(args[0], "@") {
		return args[0], args[1:]
	}
	return "", args
}

// settle ends a server with SIGTERM, wants exit code 0, and writes what it printed and logged to a file: settle server.log.
func settle(ts *testscript.TestScript, _ bool, args []string) {
	servers := ts.Value(serversKey{}).(*scriptServers)
	name, args := serverName(args)
	s := servers.running[name]
	if s == nil || len(args) != 1 {
		ts.Fatalf("usage: serve ..., then settle FILE")
	}
	ts.Check(s.cmd.Process.Signal(syscall.SIGTERM))
	rest := <-s.rest
	err := s.cmd.Wait()
	delete(servers.running, name)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(s.output.String()+rest), 0o600))
	if err != nil {
		ts.Fatalf("the server ended with %v:\n%s", err, rest)
	}
}

func (servers *scriptServers) kill() {
	for _, s := range servers.running {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
}

// get prints the answer to a GET, unsigned: get /readyz. With a folder it asks the socket in it: get data /api/v1/keys.
func get(ts *testscript.TestScript, neg bool, args []string) {
	caller, url := http.DefaultClient, ts.Getenv("URL")
	if len(args) == 2 {
		dir := ts.MkAbs(args[0])
		caller = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialSocket(ctx, dir)
		}}}
		url = "http://localhost"
	}
	answer, err := caller.Get(url + args[len(args)-1])
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(body)
	ts.Check(err)
	if failed := answer.StatusCode >= http.StatusBadRequest; failed != neg {
		ts.Fatalf("GET %s: %s\n%s", args, answer.Status, body)
	}
}
