package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"muster/spreadsheet"
)

// format is what a command prints.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"
	formatCSV  format = "csv"
	formatEnv  format = "env"
)

func (f *format) UnmarshalText(text []byte) error {
	switch *f = format(text); *f {
	case formatText, formatJSON, formatCSV, formatEnv:
		return nil
	default:
		return fmt.Errorf("%q is not one of text, json, csv and env", text)
	}
}

// printer prints what a command was asked for.
type printer struct {
	stdio
	format format
}

// environment is something printed that a shell can take over: names and values of variables. A command that prints one
// is an environmentCommand, and one that prints a list a listCommand; others refuse formatEnv and formatCSV before they
// do anything.
type (
	environment        interface{ environment() [][2]string }
	environmentCommand interface{ printsEnvironment() }
	listCommand        interface{ printsList() }
)

// lists makes the command that it is embedded in one that prints a list.
type lists struct{}

func (lists) printsList() {}

// fits refuses a format that the command has nothing for.
func (f format) fits(command any) error {
	switch f {
	case formatEnv:
		if _, ok := command.(environmentCommand); !ok {
			return usagef("this command has nothing to set in an environment: --output is text or json here")
		}
	case formatCSV:
		if _, ok := command.(listCommand); !ok {
			return usagef("this command prints no list: --output is text or json here")
		}
	case formatText, formatJSON:
	}
	return nil
}

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

// list writes value as JSON, or else the rows of a table under its heading, whose words are the columns' names.
func (p *printer) list(value any, heading string, rows [][]string) error {
	return p.listAnd(value, heading, rows, func(io.Writer) {})
}

// listAnd is list with something more for people.
func (p *printer) listAnd(value any, heading string, rows [][]string, more func(io.Writer)) error {
	if p.format == formatCSV {
		return writeCSV(p.Out, strings.Fields(strings.ToLower(heading)), rows)
	}
	return p.print(value, func(w io.Writer) {
		table(w, heading, rows)
		more(w)
	})
}

// writeCSV writes a table whose cells no spreadsheet runs as formulas.
func writeCSV(w io.Writer, columns []string, rows [][]string) error {
	out, err := spreadsheet.NewWriter(w, spreadsheet.WriterOptions{Format: spreadsheet.CSV, Columns: columns})
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	for _, row := range rows {
		if err := out.Write(spreadsheet.Texts(row...)); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("print: %w", err)
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

// writeFile makes a file, for its owner alone, and takes it away again if it cannot be written to its end.
func writeFile(name string, write func(io.Writer) error) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return refused{fmt.Errorf("%s exists, and is not overwritten: name another file", name)}
	}
	if err != nil {
		return err
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}
