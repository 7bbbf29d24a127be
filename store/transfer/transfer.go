// Package transfer moves a whole installation from one store to another, and checks row by row that it arrived.
//
// What an installation consists of is said once, by [Tables], and each store says how it keeps that: a [Source] reads pages
// of rows in the order of their keys, and a [Target] writes each in a transaction. So the largest key that a table of the target
// has is how far the copy is, and one that was cut off, at whatever moment, goes on there. When all is written, every row of
// every table is read from both sides once more and compared; only then does the target count as an installation.
//
// Rows are moved as they are: what is sealed stays sealed, under keys that the same master key opens.
package transfer

import (
	"context"
	"fmt"
)

// PageBytes is about how much of texts and blobs a page holds at most, where that is more than one row.
const PageBytes = 4 << 20

const pageRows = 2000

// Reader reads an installation. One goroutine at a time uses it.
type Reader interface {
	// Page reads rows in the order of their keys, compared number by number and byte by byte: from the one on whose key is
	// behind that of the row after, or from the first if that is nil, and at most limit of them. None is the table's end. It
	// may end a page earlier, when it holds [PageBytes].
	Page(ctx context.Context, t *Table, after Row, limit int) ([]Row, error)
}

// Source is the installation that is copied. Nothing changes it meanwhile: all that is read of it is of one moment.
type Source interface {
	Reader
	// State tells this state of the source from any other. It is not empty.
	State() string
	// Count is how many rows a table has, up to and with the one that has the key of a row; nil: all.
	Count(ctx context.Context, t *Table, upTo Row) (int64, error)
}

// Target is the database that is copied into.
type Target interface {
	Reader
	// Begin makes the target an unfinished copy of a source in a state, if it is empty, and reports begun if it is one
	// already. An unfinished copy of the same source in another state is emptied first. Anything else is refused
	// ([muster.Error] of KindConflict). It waits for what an earlier process still writes.
	Begin(ctx context.Context, source, state string) (begun bool, err error)
	// Last gives the key of a table's last row; nil if the table is empty.
	Last(ctx context.Context, t *Table) (Row, error)
	// Write adds rows, all or none, if the target still is what Begin made it.
	Write(ctx context.Context, t *Table, rows []Row) error
	// Finish makes the copy an installation.
	Finish(ctx context.Context) error
}

// Step is what is being done.
type Step int

// The steps, each of which is done for all tables before the next.
const (
	Copying Step = iota + 1
	Checking
)

func (s Step) String() string {
	switch s {
	case Copying:
		return "copying"
	case Checking:
		return "checking"
	default:
		return fmt.Sprintf("step %d", int(s))
	}
}

// Progress is how far a step is.
type Progress struct {
	Step  Step
	Table string
	Rows  int64 // of all tables, those of an earlier try included
	Total int64
}

// Count is how many rows a table has.
type Count struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
}

// Copy copies the source into the target, or goes on with that, compares the two, and makes the target an installation. It gives
// the number of rows that each table has in both. name tells the source from other installations, and is the same whenever
// it is copied. report is called after every page.
//
// Where it fails or is cut off, another Copy of the same source goes on; the error is a [*Difference] where the two are not
// the same in the end, which means that somebody else wrote to one of them.
func Copy(ctx context.Context, name string, source Source, target Target, report func(Progress)) ([]Count, error) {
	begun, err := target.Begin(ctx, name, source.State())
	if err != nil {
		return nil, fmt.Errorf("begin the copy: %w", err)
	}
	c := &copying{source: source, target: target, begun: begun, report: report, tables: Tables()}
	for i := range c.tables {
		n, err := source.Count(ctx, &c.tables[i], nil)
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", c.tables[i].Name, err)
		}
		c.progress.Total += n
	}
	counts := make([]Count, len(c.tables))
	for _, step := range []struct {
		name Step
		do   func(context.Context, *Table) (int64, error)
	}{{Copying, c.copy}, {Checking, c.check}} {
		c.progress.Step, c.progress.Rows = step.name, 0
		for i := range c.tables {
			t := &c.tables[i]
			n, err := step.do(ctx, t)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", step.name, t.Name, err)
			}
			counts[i] = Count{Table: t.Name, Rows: n}
		}
	}
	if err := target.Finish(ctx); err != nil {
		return nil, fmt.Errorf("finish the copy: %w", err)
	}
	return counts, nil
}

// copying is a Copy on its way.
type copying struct {
	source   Source
	target   Target
	begun    bool
	tables   []Table
	report   func(Progress)
	progress Progress
}

func (c *copying) advance(t *Table, rows int64) {
	c.progress.Table = t.Name
	c.progress.Rows += rows
	c.report(c.progress)
}

// copy copies what the target lacks of a table, and gives how many rows that then has.
func (c *copying) copy(ctx context.Context, t *Table) (n int64, err error) {
	var after Row
	if c.begun {
		if after, err = c.target.Last(ctx, t); err != nil {
			return 0, err
		}
	}
	if after != nil {
		if n, err = c.source.Count(ctx, t, after); err != nil {
			return 0, err
		}
		c.advance(t, n)
	}
	for page, err := range pages(ctx, c.source, t, after) {
		if err != nil {
			return 0, err
		}
		if err := c.target.Write(ctx, t, page); err != nil {
			return 0, err
		}
		n += int64(len(page))
		c.advance(t, int64(len(page)))
	}
	return n, nil
}
