package pgtest

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// oldest is the oldest major version of PostgreSQL that Muster works with.
const oldest = 15

// places are the folders of binaries that packages install outside of PATH, as globs.
var places = []string{
	"/usr/lib/postgresql/*/bin",           // Debian, Ubuntu
	"/usr/pgsql-*/bin",                    // PGDG on Red Hat
	"/usr/local/pgsql/bin",                // from source
	"/usr/libexec/postgresql*",            // Alpine
	"/opt/homebrew/opt/postgresql@*/bin",  // Homebrew
	"/usr/local/opt/postgresql@*/bin",     // Homebrew on Intel
	"/Applications/Postgres.app/*/*/*bin", // Postgres.app
}

// findBinaries gives the folder of the newest PostgreSQL; the one in PATH comes before all others.
func findBinaries() (string, error) { return findIn(places) }

func findIn(places []string) (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil && majorVersion(filepath.Dir(path)) >= oldest {
		return filepath.Dir(path), nil
	}
	var found []string
	for _, place := range places {
		dirs, err := filepath.Glob(place)
		if err != nil {
			return "", err
		}
		found = append(found, dirs...)
	}
	if len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(majorVersion(a), majorVersion(b)) })
		if majorVersion(newest) >= oldest {
			return newest, nil
		}
	}
	return "", fmt.Errorf("no PostgreSQL of version %d or newer was found (initdb and postgres, in PATH or %s): "+
		"install it; on Debian and Ubuntu that is the package postgresql", oldest, strings.Join(places, ", "))
}

var versionNumber = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// majorVersion is that of the server in the folder, 0 if there is none.
func majorVersion(dir string) int {
	for _, name := range []string{"initdb", "postgres"} {
		out, err := exec.Command(filepath.Join(dir, name), "--version").Output() //nolint:gosec,noctx // a binary of the system's; it ends at once
		found := versionNumber.FindSubmatch(out)
		if err != nil || found == nil {
			return 0
		}
		if name == "postgres" {
			major, _ := strconv.Atoi(string(found[1])) // digits
			return major
		}
	}
	return 0
}

// owner is who the server runs as; its credential is nil for who runs the tests.
type owner struct {
	credential *syscall.Credential
}

// findOwner finds an unprivileged user where the tests run as root.
func findOwner() (owner, error) {
	if os.Geteuid() != 0 {
		return owner{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return owner{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return owner{}, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

func (o owner) chown(path string) error {
	if o.credential == nil {
		return nil
	}
	return os.Chown(path, int(o.credential.Uid), int(o.credential.Gid))
}

// makeFolder makes a folder that the owner alone can read, where he can reach it.
func makeFolder(o owner) (string, error) {
	parent := os.TempDir()
	if o.credential != nil && !reachable(parent) {
		parent = "/tmp"
	}
	removeStale(parent)
	dir, err := os.MkdirTemp(parent, fmt.Sprintf("%s%d-", folderPrefix, os.Getpid()))
	if err != nil {
		return "", err
	}
	return dir, o.chown(dir)
}

// reachable reports whether everybody may go into the folder and those above it.
func reachable(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

const folderPrefix = "muster-pgtest-" // the process's number follows

var folderName = regexp.MustCompile(`^` + folderPrefix + `(\d+)-`)

// removeStale removes folders of processes that could not do so themselves, since they were killed. What cannot be removed
// is somebody else's.
func removeStale(parent string) {
	entries, _ := os.ReadDir(parent) // an unreadable one shows when a folder is made in it
	for _, entry := range entries {
		found := folderName.FindStringSubmatch(entry.Name())
		if found == nil {
			continue
		}
		pid, err := strconv.Atoi(found[1])
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			dir := filepath.Join(parent, entry.Name())
			_ = unmountDisk(dir) // few have one
			_ = os.RemoveAll(dir)
		}
	}
}
