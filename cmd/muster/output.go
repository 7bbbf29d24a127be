package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
)

// format is what a command prints.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"
	formatEnv  format = "env"
)

func (f *format) UnmarshalText(text []byte) error {
	switch *f = format(text); *f {
	case formatText, formatJSON, formatEnv:
		return nil
	default:
		return fmt.Errorf("%q is not one of text, json and env", text)
	}
}

// printer prints what a command was asked for.
type printer struct {
	stdio
	format format
}

// environment is something printed that a shell can take over: names and values of variables. A command that prints one
// is an environmentCommand; others refuse formatEnv before they do anything.
type (
	environment        interface{ environment() [][2]string }
	environmentCommand interface{ printsEnvironment() }
)

// print writes value as JSON, as commands that set variables (POSIX sh), or else what text writes for people.
func (p *printer) print(value any, text func(w io.Writer)) error {
	if e, ok := value.(environment); ok && p.format == formatEnv {
		return p.printEnvironment(e)
	}
	if p.format == formatJSON {
		encoder := json.NewEncoder(p.Out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return nil
	}
	var b strings.Builder
	text(&b)
	if _, err := io.WriteString(p.Out, b.String()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func (p *printer) printEnvironment(e environment) error {
	for _, variable := range e.environment() {
		quoted := "'" + strings.ReplaceAll(variable[1], "'", `'\''`) + "'"
		if _, err := fmt.Fprintf(p.Out, "export %s=%s\n", variable[0], quoted); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

// table writes rows under a heading, in columns. A line whose last cells are empty ends with its last word.
func table(w io.Writer, heading string, rows [][]string) {
	var b strings.Builder
	columns := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(columns, strings.ReplaceAll(heading, " ", "\t"))
	for _, row := range rows {
		_, _ = fmt.Fprintln(columns, strings.Join(row, "\t"))
	}
	_ = columns.Flush() // to a strings.Builder, which takes everything
	for line := range strings.Lines(b.String()) {
		_, _ = fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}

// pairs writes names and values, in two columns.
func pairs(w io.Writer, values ...[2]string) {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, pair := range values {
		if pair[1] != "" {
			_, _ = fmt.Fprintf(columns, "%s\t%s\n", pair[0], pair[1])
		}
	}
	_ = columns.Flush()
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
