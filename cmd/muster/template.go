package main

import (
	"bytes"
	"context"
	"io"

	"muster/spreadsheet"
)

type templateCmd struct {
	Format string `arg:"" enum:"csv,xlsx" help:"csv or xlsx."`
	Out    string `env:"-" default:"-" placeholder:"FILE" help:"File to be made; - for standard output."`
}

func (c *templateCmd) Help() string {
	return "The columns have the names of a user's fields, and the one row is an example, which import passes over. Columns that are not needed may go, and " +
		"others may stay empty. XLSX also tells in each column what is accepted."
}

func (c *templateCmd) Run(_ context.Context, p *printer) error {
	format, err := spreadsheet.ParseFormat(c.Format)
	if err != nil {
		return usageError{err}
	}
	write := func(w io.Writer) error { return spreadsheet.WriteTemplate(w, format, spreadsheet.UserFields()) }
	if c.Out != "-" {
		return writeFile(c.Out, write)
	}
	if format == spreadsheet.XLSX && isTerminal(p.Out) {
		return usagef("a workbook is no text for a terminal: give --out FILE")
	}
	var whole bytes.Buffer
	if err := write(&whole); err != nil {
		return err
	}
	_, err = whole.WriteTo(p.Out)
	return err
}
