package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal: what is written to the one file is read from the other.
func terminal(t *testing.T) (tty, reader *os.File) {
	t.Helper()
	reader, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	if err := unix.IoctlSetPointerInt(int(reader.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(reader.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return tty, reader
}

func TestTheFirstSecretGoesToATerminalAlone(t *testing.T) {
	t.Parallel()
	s := startedServer(t, nil)
	tty, reader := terminal(t)
	printed := make(chan string)
	go func() {
		text, _ := io.ReadAll(reader) // ends with EIO when the other side is closed
		printed <- string(text)
	}()
	p := quiet()
	p.Out = tty
	if err := printStart(t.Context(), p, s); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	if text := <-printed; !strings.Contains(text, s.first.AppSecret) || !strings.Contains(text, "shown this once") {
		t.Errorf("a terminal did not get the secret: %s", text)
	}
	for _, f := range []format{formatText, formatJSON} {
		var b strings.Builder
		p.Out, p.format = &b, f
		if err := printStart(t.Context(), p, s); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); strings.Contains(text, s.first.AppSecret) || !strings.Contains(text, s.first.AppID) {
			t.Errorf("%s that goes elsewhere: %s", f, text)
		}
	}
}

// TestTheFirstOperatorIsInvitedOnATerminal once, and as long as nobody can sign in; what is printed elsewhere invites nobody.
func TestTheFirstOperatorIsInvitedOnATerminal(t *testing.T) {
	t.Parallel()
	s := startedServer(t, nil)
	start := func() string {
		tty, reader := terminal(t)
		printed := make(chan string)
		go func() {
			text, _ := io.ReadAll(reader) // ends with EIO when the other side is closed
			printed <- string(text)
		}()
		p := quiet()
		p.Out = tty
		if err := printStart(t.Context(), p, s); err != nil {
			t.Fatal(err)
		}
		tty.Close()
		return <-printed
	}
	var elsewhere strings.Builder
	p := quiet()
	p.Out = &elsewhere
	if err := printStart(t.Context(), p, s); err != nil || strings.Contains(elsewhere.String(), "/console/") {
		t.Errorf("%v, and it printed %s", err, elsewhere.String())
	}
	link := regexp.MustCompile(`/console/invitation/([\w-]{43})\r?\n`)
	secret := ""
	for range 2 { // the second one stands in the place of the first
		found := link.FindStringSubmatch(start())
		if found == nil || found[1] == secret {
			t.Fatalf("the invitation is %q after %q", found, secret)
		}
		secret = found[1]
	}
	if _, err := s.operators.Accept(t.Context(), secret, "Right horse 12", netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	if text := start(); strings.Contains(text, "invitation") {
		t.Errorf("somebody can sign in, and is invited: %s", text)
	}
}

func TestLogsAreTextOnATerminalAndJSONElsewhere(t *testing.T) {
	t.Parallel()
	tty, _ := terminal(t)
	defer tty.Close()
	if _, ok := newLogger(tty, "auto", "info").Handler().(*slog.TextHandler); !ok {
		t.Error("not text on a terminal")
	}
	if _, ok := newLogger(io.Discard, "auto", "info").Handler().(*slog.JSONHandler); !ok {
		t.Error("not JSON elsewhere")
	}
}

// TestACopyShowsHowFarItIs on a terminal alone.
func TestACopyShowsHowFarItIs(t *testing.T) {
	t.Parallel()
	url, err := emptyDatabase(t.Cleanup)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if code := Main(t.Context(), []string{"init", "--data", dir}, quiet().stdio); code != exitOK {
		t.Fatalf("init ended with %d", code)
	}
	tty, reader := terminal(t)
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	shown := make(chan string)
	go func() {
		text, _ := io.ReadAll(reader) // ends with EIO when the other side is closed
		shown <- string(text)
	}()
	std := quiet().stdio
	std.Err = tty
	code := Main(t.Context(), []string{"copy", "--from", dir, "--to", url}, std)
	tty.Close()
	text := <-shown
	if code != exitOK || !strings.Contains(text, "copying: all is done") || !strings.Contains(text, "checking: all is done") || !strings.Contains(text, "100 %") {
		t.Errorf("the copy ended with %d and showed %q", code, text)
	}
}

// TestAnImportShowsHowFarItIs, and a profile asks for its secret, which a terminal does not show.
func TestAnImportShowsHowFarItIs(t *testing.T) {
	t.Parallel()
	dir, _ := initialised(t)
	name := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(name, []byte("account,firstName\nann,Ann\nbo,Bo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tty, reader := terminal(t)
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	shown := make(chan string)
	go func() {
		text, _ := io.ReadAll(reader) // ends with EIO when the other side is closed
		shown <- string(text)
	}()
	std := quiet().stdio
	std.Err = tty
	code := Main(t.Context(), []string{"import", name, "--match", "account", "--data", dir}, std)
	tty.Close()
	text := <-shown
	if code != exitOK || !strings.Contains(text, "provisioning ") || !strings.Contains(text, "100 %") || strings.Contains(text, " of 2 rows") {
		t.Errorf("the import ended with %d and showed %q", code, text)
	}
}

func TestAProfileAsksForItsSecret(t *testing.T) {
	t.Parallel()
	tty, reader := terminal(t)
	defer tty.Close()
	var asked strings.Builder
	p := quiet()
	p.In, p.Err = tty, &asked
	if _, err := reader.WriteString("a secret\n"); err != nil {
		t.Fatal(err)
	}
	secret, err := (&profileAddCmd{}).secret(p)
	if err != nil || secret != "a secret" || asked.String() != "Secret: \n" {
		t.Errorf("%q, %v, after %q", secret, err, asked.String())
	}
}
