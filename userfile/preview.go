package userfile

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"muster"
	"muster/spreadsheet"
)

const (
	// PreviewBytes is how much of a text is looked at.
	PreviewBytes = 1 << 20
	// previewRows is how many rows are, of a workbook, too.
	previewRows = 10_000
	// previewFaults is how many rows at fault are told.
	previewFaults = 20
)

// Preview is how a file would be understood.
type Preview struct {
	Layout   spreadsheet.Layout
	Columns  []string // names in the header
	Mapping  spreadsheet.Mapping
	Match    muster.Key // the one of the terms; where they have none, one of which there is a column
	Rows     int        // that were looked at
	Complete bool       // whether these are all of the file's
	Faults   []RowFault // the first rows that could not be read, which would fail
}

// RowFault is a row that has a fault.
type RowFault struct {
	At   int // the row's number in the file, from 1
	Row  muster.Row
	Cell string // what stands in the cell at fault; "" also of passwords, and where it is no cell
}

// Look reads the beginning of a file, or a whole workbook of at most limit bytes. The terms may lack the match.
func Look(ctx context.Context, file io.Reader, limit int64, o Options, t Terms) (*Preview, error) {
	seen := beginning(file, limit)
	r, err := Open(ctx, seen, o, t)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.terms.Match == muster.KeyNone {
		r.terms.Match = matchable(&r.Mapping)
	}
	if r.terms.Operation == "" && r.Mapping.Column(spreadsheet.FieldAction) < 0 {
		r.terms.Operation = "create" // that one is missing is told once, of the columns
	}
	p := r.Preview()
	last, err := p.look(r)
	if cut := seen.N == 0; cut {
		if p.Complete {
			p.Complete = false
			p.passOver(last)
		}
		var broken *spreadsheet.Error
		if errors.As(err, &broken) {
			err = nil // a row is broken where the beginning ends
		}
	}
	return p, err
}

// passOver forgets the row in which the beginning ends, of which nobody knows how it goes on.
func (p *Preview) passOver(last int) {
	p.Rows = max(0, p.Rows-1) // of a header alone there is none
	if n := len(p.Faults); n > 0 && p.Faults[n-1].At == last {
		p.Faults = p.Faults[:n-1]
	}
}

// beginning is as much of a file as is looked at: a workbook as a whole, since its directory is at its end.
func beginning(file io.Reader, limit int64) *io.LimitedReader {
	in := bufio.NewReader(file)
	if head, err := in.Peek(len(zipMagic)); err != nil || string(head) != zipMagic {
		limit = PreviewBytes
	}
	return &io.LimitedReader{R: in, N: limit}
}

// zipMagic is how the archive begins that a workbook is.
const zipMagic = "PK"

// matchable is a key of which there is a column, KeyNone if there is none.
func matchable(m *spreadsheet.Mapping) muster.Key {
	for _, key := range [...]muster.Key{muster.KeyID, muster.KeyAccount, muster.KeyPhone, muster.KeyEmail} {
		if m.Column(key.String()) >= 0 {
			return key
		}
	}
	return muster.KeyNone
}

// look reads the first rows, and gives the number of the last one in the file.
func (p *Preview) look(r *Reader) (last int, err error) {
	for p.Rows < previewRows {
		row, record, err := r.next()
		if errors.Is(err, io.EOF) {
			p.Complete = true
			return last, nil
		}
		if err != nil {
			return last, err
		}
		p.Rows, last = p.Rows+1, record.Row
		if row.Fault != nil && len(p.Faults) < previewFaults {
			p.Faults = append(p.Faults, RowFault{At: record.Row, Row: row, Cell: r.faultyCell(&row, &record)})
		}
	}
	return last, nil
}

// faultyCell is what the cell at fault holds, nothing of one with a password or a hash.
func (r *Reader) faultyCell(row *muster.Row, record *spreadsheet.Record) string {
	field := row.Fault.Field
	if field == "operation" {
		field = spreadsheet.FieldAction
	}
	at := r.Mapping.Column(field)
	if at < 0 || at >= len(record.Cells) || field == spreadsheet.FieldPassword || field == spreadsheet.FieldPasswordHash {
		return ""
	}
	return strings.Join(append(record.Cells[at].Items, record.Cells[at].Text), " ")
}
