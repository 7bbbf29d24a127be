package secret_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"gocloud.dev/secrets"

	"muster/secret"
)

// createIn names, for a test binary started by TestMain's own tests, the key file to create.
const createIn = "MUSTER_TEST_CREATE_MASTER"

func TestMain(m *testing.M) {
	if path := os.Getenv(createIn); path != "" {
		os.Exit(createMaster(path))
	}
	if path := os.Getenv(serveFrom); path != "" {
		if err := serveUnderHandedKey(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	secrets.DefaultURLMux().RegisterKeeper("testkms", keyService{}) // process-wide: once, however often the tests run
	goleak.VerifyTestMain(m)
}

// createMaster waits for its input to end, creates, and prints the key's id.
func createMaster(path string) int {
	if _, err := os.Stdin.Read(make([]byte, 1)); err == nil {
		return 2
	}
	master, err := secret.CreateMaster(context.Background(), path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Print(master.ID())
	return 0
}

func TestCreateMasterOnceAmongGoroutines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "master.key")
	ids := make([]string, 8)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			<-start
			master, err := secret.CreateMaster(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = master.ID()
		})
	}
	close(start)
	wg.Wait()
	checkCreated(t, path, ids)
}

func TestCreateMasterOnceAmongProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "master.key")
	// All processes read one pipe, whose end lets them go.
	gate, open, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	outputs := make([]bytes.Buffer, 8)
	commands := make([]*exec.Cmd, len(outputs))
	for i := range commands {
		commands[i] = exec.CommandContext(t.Context(), os.Args[0])
		commands[i].Env = append(os.Environ(), createIn+"="+path)
		commands[i].Stdin, commands[i].Stdout, commands[i].Stderr = gate, &outputs[i], &outputs[i]
		if err := commands[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := open.Close(); err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(commands))
	for i, command := range commands {
		if err := command.Wait(); err != nil {
			t.Fatalf("%v: %s", err, &outputs[i])
		}
		ids[i] = outputs[i].String()
	}
	checkCreated(t, path, ids)
}

// checkCreated checks that all creators found the one key, and that nothing but the key file and its empty lock is there.
func checkCreated(t *testing.T, path string, ids []string) {
	t.Helper()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("creators found different keys: %v", ids)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
		switch entry.Name() {
		case "master.key":
		case "master.key.lock":
			if info.Size() != 0 {
				t.Errorf("the lock holds %d bytes", info.Size())
			}
		default:
			t.Errorf("%s was left behind", entry.Name())
		}
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
}

func TestCreateMasterOverLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "master.key")
	// What a crash in the middle of writing leaves.
	if err := os.WriteFile(path+".new", []byte("mk-0 base64key://AAE"), 0o644); err != nil {
		t.Fatal(err)
	}
	first, err := secret.CreateMaster(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half-written file is still there: %v", err)
	}
	again, err := secret.CreateMaster(t.Context(), "file://"+path)
	if err != nil || again.ID() != first.ID() {
		t.Errorf("a second creation found another key, %v", err)
	}
}

func TestOpenMasterFollowsLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.key"), filepath.Join(dir, "master.key")
	created, err := secret.CreateMaster(t.Context(), real)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	opened, err := secret.OpenMaster(t.Context(), link)
	if err != nil || opened.ID() != created.ID() {
		t.Errorf("through the link: %v", err)
	}
}

func TestOpenMasterRefuses(t *testing.T) {
	t.Parallel()
	const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	dir := t.TempDir()
	path := filepath.Join(dir, "master.key")
	if _, err := secret.CreateMaster(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, mode os.FileMode, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := map[string]struct{ ref, err string }{
		"missing":           {filepath.Join(dir, "none.key"), "none.key: the file is missing"},
		"group may read":    {file("g.key", 0o640, content), "run chmod 600 " + filepath.Join(dir, "g.key")},
		"others may read":   {file("o.key", 0o604, content), "run chmod 600 " + filepath.Join(dir, "o.key")},
		"group may write":   {file("w.key", 0o620, content), "run chmod 600 " + filepath.Join(dir, "w.key")},
		"empty":             {file("e.key", 0o600, nil), "e.key: no key in it"},
		"broken":            {file("b.key", 0o600, content[:len(content)-9]), "b.key: line 3: the key must be 32 bytes"},
		"a folder":          {dir, "not a regular file"},
		"no reference":      {"", "empty reference"},
		"file with host":    {"file://host/master.key", "must be file:///absolute/path"},
		"file, relative":    {"file://master.key", "must be file:///absolute/path"},
		"file with query":   {"file:///master.key?x=1", "must be file:///absolute/path"},
		"no driver":         {"nokms://" + key, `no driver for "nokms": give a path, or a URL with one of file, base64key`},
		"empty base64key":   {"base64key://", "must be 32 bytes"},
		"short base64key":   {"base64key://" + key[:40], "must be 32 bytes"},
		"base64key, params": {"base64key://" + key + "?x=1", "must be 32 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := secret.OpenMaster(t.Context(), test.ref)
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Fatalf("got %v, want an error with %q", err, test.err)
			}
			if strings.Contains(err.Error(), key[:20]) {
				t.Errorf("the error tells the key: %v", err)
			}
			if got := errors.Is(err, secret.ErrNoMaster); got != (name == "missing") {
				t.Errorf("is ErrNoMaster: %v", got)
			}
		})
	}
}
