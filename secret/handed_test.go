package secret_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"muster/secret"
)

// serveFrom names, for a test binary started by a test, the key file that was handed to it.
const serveFrom = "MUSTER_TEST_SERVE_FROM"

func TestGenerateKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	id, err := secret.GenerateKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if master, err := secret.OpenMaster(t.Context(), path); err != nil || master.ID() != id {
		t.Errorf("%v; the key's id was said to be %s", err, id)
	}
	if _, err := secret.GenerateKeyFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
	if again, err := os.ReadFile(path); err != nil || string(again) != string(content) {
		t.Errorf("the file that was there is another now, %v", err)
	}
	if _, err := secret.GenerateKeyFile(filepath.Join(path, "below a file")); err == nil || errors.Is(err, fs.ErrExist) {
		t.Errorf("where there is no folder: %v", err)
	}
}

// An installation whose master key is brought to it makes none, and goes on as soon as it is there.
func TestOpenWithAMasterKeyThatHasToBeThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cfg.Existing = true
	if err := os.Mkdir(filepath.Dir(b.cfg.Master), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Open(t.Context(), b.cfg, &process{disk: b.disk}); !errors.Is(err, secret.ErrNoMaster) {
		t.Fatalf("without a master key: %v", err)
	}
	if files, err := os.ReadDir(filepath.Dir(b.cfg.Master)); err != nil || len(files) > 0 {
		t.Errorf("files were made: %v, %v", files, err)
	}
	if len(b.disk.keys) > 0 {
		t.Errorf("%d keys were stored", len(b.disk.keys))
	}
	if _, err := secret.GenerateKeyFile(b.cfg.Master); err != nil {
		t.Fatal(err)
	}
	k, p := b.start(t)
	fill(t, k, p, 3)
	again, _ := b.start(t)
	checkItems(t, again, b.disk)
}

// The master key of machines that share a database is exchanged while they work: each step is everywhere before the next, and
// whoever starts in between, or makes keys, can open everything.
func TestExchangingTheMasterKeyOfSeveralMachines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	read := func(name string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if _, err := secret.GenerateKeyFile(path); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	older, newer := read("older"), read("newer")
	disk := newDisk()
	machine := func(name string) *testBundle {
		return &testBundle{disk: disk, cfg: secret.Config{Master: filepath.Join(dir, name), Existing: true}}
	}
	machines := []*testBundle{machine("one"), machine("two")}
	bring := func(b *testBundle, content string) {
		t.Helper()
		if err := os.WriteFile(b.cfg.Master, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range machines {
		bring(b, older)
	}
	works, p := machines[0].start(t) // throughout
	fill(t, works, p, 5)
	for _, content := range []string{newer + older, older + newer, newer} {
		for _, b := range machines {
			bring(b, content)
			k, p := b.start(t)
			if _, err := k.Resume(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			checkItems(t, k, disk)
			if _, err := k.Rotate(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if _, err := works.Refresh(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			checkItems(t, works, disk)
		}
	}
	last, p := machines[1].start(t)
	if s, err := last.Status(t.Context(), p); err != nil || s.Unfinished || len(s.OtherMasters) > 0 {
		t.Errorf("in the end %+v, %v", s, err)
	}
}

// A key file that a service may read and not write, in a folder that it may not write either, serves as well, with the key
// of before above the one in use too. So root and Kubernetes hand out secrets.
func TestAKeyFileThatIsHandedToAService(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	older, newer, both := filepath.Join(dir, "older"), filepath.Join(dir, "newer"), filepath.Join(dir, "master.key")
	var content []byte
	for _, path := range []string{older, newer} {
		if _, err := secret.GenerateKeyFile(path); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content = append(content, text...)
	}
	if err := os.WriteFile(both, content, 0o400); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	serve := exec.CommandContext(t.Context(), self)
	serve.Env = append(os.Environ(), serveFrom+"="+both)
	if os.Geteuid() == 0 {
		const service = 65532
		for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o755, both: 0o440} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(both, 0, service); err != nil {
			t.Fatal(err)
		}
		serve.Path, serve.Dir = "/proc/self/exe", "/" // it may be in a folder that others cannot read
		serve.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: service, Gid: service}}
	} else {
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) }) // for its removal
	}
	if out, err := serve.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if after, err := os.ReadFile(both); err != nil || string(after) != string(content) {
		t.Errorf("the file was changed, %v", err)
	}
}

// serveUnderHandedKey does what a server does with its keys.
func serveUnderHandedKey(path string) error {
	ctx := context.Background()
	p := &process{disk: newDisk()}
	k, err := secret.Open(ctx, secret.Config{Master: path, Existing: true}, p)
	if err != nil {
		return err
	}
	if err := storeBoth(k, p, 1); err != nil {
		return err
	}
	if _, err := k.Resume(ctx, p); err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	if done, err := k.Rotate(ctx, p); err != nil || done.Active != 2 {
		return fmt.Errorf("rotate: %+v, %w", done, err)
	}
	if err := k.RotateMaster(ctx); err == nil || !strings.Contains(err.Error(), path) {
		return fmt.Errorf("rotate the master key in a file that cannot be written: %w", err)
	}
	s, err := k.Status(ctx, p)
	if err != nil {
		return err
	}
	if !s.Unfinished || len(s.OtherMasters) != 1 || s.ActiveVersion != 2 {
		return fmt.Errorf("status: %+v", s)
	}
	return k.Close()
}
