package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// commandsDoc is the document that has every command, and shows all that its examples print.
const commandsDoc = "docs/cli.md"

// TestDocs runs the examples of the documents as a reader would: every console block, line by line, in one shell. What
// a block shows a command to print must be what it prints, ids, times and trace ids aside. The database muster, which they
// name, is there, and its port and password are known by libpq's variables. With MUSTER_UPDATE_SCRIPTS=1 what the examples
// of commandsDoc print is written anew.
func TestDocs(t *testing.T) {
	t.Parallel()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := postgresServer.Exec(t.Context(), "CREATE DATABASE muster"); err != nil {
		t.Fatal(err)
	}
	for _, doc := range []string{"README.md", commandsDoc} {
		t.Run(doc, func(t *testing.T) {
			t.Parallel()
			name := filepath.Join("..", "..", doc)
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			examples := examplesOf(string(text))
			if len(examples) == 0 {
				t.Fatal("the document has no examples")
			}
			outputs := runExamples(t, binary, examples)
			if doc == commandsDoc && os.Getenv("MUSTER_UPDATE_SCRIPTS") != "" {
				if err := os.WriteFile(name, []byte(withOutputs(string(text), outputs)), 0o644); err != nil { //nolint:gosec // a document
					t.Fatal(err)
				}
				return
			}
			for i, e := range examples {
				if got := masked(outputs[i]); (e.output != "" || doc == commandsDoc) && got != masked(e.output) {
					t.Errorf("$ %s\nprinted, masked:\n%s\nThe document says:\n%s", e.command, got, masked(e.output))
				}
			}
		})
	}
}

func consoleBlocks() *regexp.Regexp { return regexp.MustCompile("(?s)```console\n(.*?)```") }

// example is a command of a document, and what the document says that it prints; "" says nothing.
type example struct{ command, output string }

func examplesOf(text string) []example {
	var examples []example
	for _, block := range consoleBlocks().FindAllStringSubmatch(text, -1) {
		for _, line := range strings.SplitAfter(block[1], "\n") {
			if command, found := strings.CutPrefix(line, "$ "); found {
				examples = append(examples, example{command: strings.TrimSuffix(command, "\n")})
				continue
			}
			if len(examples) == 0 || line == "" {
				continue
			}
			last := &examples[len(examples)-1]
			if more, found := strings.CutPrefix(line, "> "); found {
				last.command += "\n" + strings.TrimSuffix(more, "\n")
			} else {
				last.output += line
			}
		}
	}
	return examples
}

// withOutputs gives a document whose examples print what they printed.
func withOutputs(text string, outputs []string) string {
	return consoleBlocks().ReplaceAllStringFunc(text, func(block string) string {
		var b strings.Builder
		b.WriteString("```console\n")
		n := 0
		for _, e := range examplesOf(block) {
			b.WriteString("$ " + strings.ReplaceAll(e.command, "\n", "\n> ") + "\n" + outputs[n])
			n++
		}
		outputs = outputs[n:]
		return b.String() + "```"
	})
}

// Every command is in the document, with its help.
func TestEveryCommandIsInTheDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", commandsDoc))
	if err != nil {
		t.Fatal(err)
	}
	parser := newParser(&cli{}, quiet().stdio, func(int) {})
	leaves := parser.Model.Leaves(true)
	if len(leaves) < 50 {
		t.Fatalf("there are %d commands", len(leaves))
	}
	for _, command := range leaves {
		if line := "$ " + command.FullPath() + " --help\n"; !strings.Contains(string(text), line) {
			t.Errorf("%s lacks the help of %s", commandsDoc, command.FullPath())
		}
	}
}

// runExamples gives what each command printed. The shell has an empty HOME, and muster on its PATH; what it started
// in the background ends with it.
func runExamples(t *testing.T, binary string, examples []example) []string {
	t.Helper()
	home := t.TempDir()
	const mark = "--- example ends ---"
	var script strings.Builder
	script.WriteString("set -euo pipefail\ntrap 'kill $(jobs -p); wait' EXIT\n")
	for _, e := range examples {
		script.WriteString(e.command + "\necho '" + mark + "'\n")
	}
	if err := os.Symlink(binary, filepath.Join(home, "muster")); err != nil {
		t.Fatal(err)
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	shell.Dir = home
	_, port, err := net.SplitHostPort(postgresServer.Address())
	if err != nil {
		t.Fatal(err)
	}
	shell.Env = []string{
		"HOME=" + home, "PATH=" + home + ":" + os.Getenv("PATH"), "PGPORT=" + port, "PGPASSWORD=" + postgresServer.Password(),
	}
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	var stderr bytes.Buffer
	shell.Stderr = &stderr
	out, err := shell.Output()
	if err != nil {
		t.Fatalf("the examples stopped: %v\n%s\n%s", err, out, stderr.String())
	}
	return strings.Split(string(out), mark+"\n")
}

// masked replaces what differs from run to run, and the last line's end, which a terminal does not show.
func masked(s string) string {
	s = strings.TrimSuffix(s, "\n")
	s = regexp.MustCompile(`/invitation/[\w-]{43}`).ReplaceAllString(s, "/invitation/<secret>")
	s = regexp.MustCompile(`[0-9]{19}`).ReplaceAllString(s, "<id>")
	return regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`).ReplaceAllString(s, "<time>")
}
