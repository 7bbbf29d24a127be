package password_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"muster/password"
)

// asChild has the test's own binary be a child process of one of these kinds.
const asChild = "PASSWORD_TEST_CHILD"

var childKinds = map[string]func() error{
	"serves": func() error { return password.Serve(cheap(), os.Stdin, os.Stdout) },
	"dies": func() error { // once it has read the first password
		_, err := io.ReadFull(os.Stdin, make([]byte, 3))
		return err
	},
	"hangs": func() error {
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	},
	"stutters": func() error { // ends in the middle of its answer
		if _, err := io.ReadFull(os.Stdin, make([]byte, 3)); err != nil {
			return err
		}
		_, err := os.Stdout.WriteString("\x00\x61$argon2id")
		return err
	},
}

// beChild ends the process if it was started as a child.
func beChild() {
	kind := os.Getenv(asChild)
	if kind == "" {
		return
	}
	if err := childKinds[kind](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// started are the children that a pool of the test started.
type started struct {
	kind func(n int) string // of the n-th

	mu  sync.Mutex
	all []*exec.Cmd
}

func (s *started) command(t *testing.T) func() *exec.Cmd {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return func() *exec.Cmd {
		s.mu.Lock()
		defer s.mu.Unlock()
		c := &exec.Cmd{Path: binary, Args: []string{binary}, Env: []string{asChild + "=" + s.kind(len(s.all))}}
		s.all = append(s.all, c)
		return c
	}
}

func always(kind string) func(int) string { return func(int) string { return kind } }

// hashAll has the pool hash n passwords of one letter, and checks each hash.
func hashAll(t *testing.T, pool *password.Pool, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		one := []byte{'a' + byte(i%26)}
		err := pool.Submit(t.Context(), password.Bulk, one, func(encoded string, err error) {
			defer wg.Done()
			if ok, _, fault := cheap().Verify(encoded, one); err != nil || fault != nil || !ok {
				t.Errorf("hash %d is %q, %v", i, encoded, err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

func TestBulkHashesAreDelegated(t *testing.T) {
	t.Parallel()
	pool := newPool(t, 2)
	of := &started{kind: always("serves")}
	pool.Delegate(of.command(t), func(err error) { t.Errorf("failed: %v", err) })
	if _, err := pool.Hash(t.Context(), password.Interactive, []byte("x")); err != nil || len(of.all) > 0 {
		t.Errorf("for a person %d children were started, %v", len(of.all), err)
	}
	hashAll(t, pool, 50)
	if _, err := pool.Hash(t.Context(), password.Bulk, bytes.Repeat([]byte("p"), 1024)); err != nil {
		t.Errorf("the longest password: %v", err)
	}
	if s := pool.Stats(); s.Delegated != 51 || s.Bulk.Hashed != 51 || s.Interactive.Hashed != 1 {
		t.Errorf("the pool counts %+v", s)
	}
	pool.Close()
	if len(of.all) != 2 {
		t.Errorf("%d children were started for 2 workers", len(of.all))
	}
	for _, c := range of.all {
		if c.ProcessState == nil {
			t.Error("a child is left")
		}
	}
}

// TestChildrenThatFail lose no password, and are told of once, not for each password.
func TestChildrenThatFail(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]func(int) string{
		"in the middle of a hash":    always("dies"),
		"in the middle of an answer": always("stutters"),
		"at first": func(n int) string {
			if n < 5 {
				return "dies"
			}
			return "serves"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := newPool(t, 2)
			defer pool.Close()
			var told atomic.Int32
			pool.Delegate((&started{kind: kind}).command(t), func(error) { told.Add(1) })
			hashAll(t, pool, 30)
			if n := told.Load(); n == 0 || n > 5 || kind(100) == "dies" && n != 1 {
				t.Errorf("failures were told of %d times", n)
			}
		})
	}
}

func TestAChildThatCannotBeStarted(t *testing.T) {
	t.Parallel()
	pool := newPool(t, 2)
	defer pool.Close()
	var told []error
	pool.Delegate(func() *exec.Cmd { return &exec.Cmd{Path: "/nonexistent"} }, func(err error) { told = append(told, err) })
	hashAll(t, pool, 10)
	if len(told) != 1 || !errors.Is(told[0], os.ErrNotExist) {
		t.Errorf("told: %v", told)
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in     string
		hashes int
		fault  string
	}{
		"nothing":                    {"", 0, ""},
		"two passwords":              {"\x00\x01a\x00\x02bc", 2, ""},
		"no password":                {"\x00\x00", 1, ""},
		"the end within a length":    {"\x00\x01a\x00", 1, "unexpected EOF"},
		"the end within a password":  {"\x00\x05abc", 0, "a frame of 5 bytes ends after 3"},
		"the end before a password":  {"\x01\x00", 0, "a frame of 256 bytes ends after 0"},
		"the longest that there are": {"\xff\xff" + strings.Repeat("p", 1<<16-1), 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := password.Serve(cheap(), strings.NewReader(test.in), &out)
			if (err == nil) != (test.fault == "") || err != nil && err.Error() != test.fault {
				t.Errorf("Serve = %v, want %q", err, test.fault)
			}
			if n := strings.Count(out.String(), "$argon2id$"); n != test.hashes {
				t.Errorf("%d hashes, want %d", n, test.hashes)
			}
		})
	}
}
