package transfer

import (
	"context"
	"iter"
	"sync"
)

// pages reads a table to its end from behind a row, one page ahead of who ranges over them. An error is the last.
func pages(ctx context.Context, r Reader, t *Table, after Row) iter.Seq2[[]Row, error] {
	type answer struct {
		rows []Row
		err  error
	}
	return func(yield func([]Row, error) bool) {
		ahead, stop := context.WithCancel(ctx)
		answers := make(chan answer)
		var reading sync.WaitGroup
		reading.Go(func() {
			defer close(answers)
			for {
				rows, err := r.Page(ahead, t, after, pageRows)
				if err == nil && len(rows) == 0 {
					return
				}
				select {
				case answers <- answer{rows, err}:
				case <-ahead.Done():
					return
				}
				if err != nil {
					return
				}
				after = rows[len(rows)-1]
			}
		})
		defer reading.Wait()
		defer stop()
		for a := range answers {
			if !yield(a.rows, a.err) || a.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil { // then that was not the table's end
			yield(nil, err)
		}
	}
}
