package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pages times the reading of one page of 1,000 outcomes, by the number of past batches.
func pages(ctx context.Context, b *bench) error {
	return b.everywhere(ctx, func(at place) error {
		for _, past := range b.history {
			if err := b.pageAfter(ctx, at, past); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *bench) pageAfter(ctx context.Context, at place, past int) (err error) {
	s, err := b.filled(ctx, at, b.sizes[1], past)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, at.remove(ctx, s)) }()
	if err := s.start(ctx); err != nil {
		return err
	}
	defer s.stop()
	c, err := s.client(s.install)
	if err != nil {
		return err
	}
	finished, err := c.CreateBatch(ctx, people(batchSize, odd, nil))
	if err != nil {
		return err
	}
	if _, err := c.Wait(ctx, finished); err != nil {
		return err
	}
	read := func(task string) (times []float64, err error) {
		for i := range warming + b.requests {
			began := time.Now()
			page, err := c.Batch(ctx, task, "", batchSize)
			if err != nil {
				return nil, err
			}
			if took := time.Since(began); i >= warming {
				times = append(times, took.Seconds()*1000)
			}
			if len(page.Rows) == 0 {
				return nil, errors.New("a page has no rows")
			}
		}
		return times, nil
	}
	quiet, err := read(finished)
	if err != nil {
		return err
	}
	// The last hundred have passwords, so that the task runs on while 900 outcomes are there; others keep it from its end.
	users := people(batchSize, odd, nil)
	for i := len(users) - len(users)/10; i < len(users); i++ {
		users[i].Password = secretOf(i)
	}
	running, err := c.CreateBatch(ctx, users)
	if err != nil {
		return err
	}
	for range 20 {
		if _, err := c.CreateBatch(ctx, people(batchSize, even, secretOf)); err != nil {
			return err
		}
	}
	if err := firstRows(ctx, 5*time.Millisecond, func() (int, error) {
		page, err := c.Batch(ctx, running, "", batchSize)
		if err != nil {
			return 0, err
		}
		return len(page.Rows), nil
	}); err != nil {
		return err
	}
	busy, err := read(running)
	if err != nil {
		return err
	}
	fmt.Printf("   %-10s  %6d past batches: finished task median %.1f ms, p99 %.1f   running task median %.1f ms, p99 %.1f   (goal 10)\n",
		at, past, median(quiet), percentile(quiet, 99), median(busy), percentile(busy, 99))
	return nil
}

// firstRows waits until a task has outcomes, for which it asks every so often.
func firstRows(ctx context.Context, every time.Duration, rows func() (int, error)) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		n, err := rows()
		if err != nil || n > 0 {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
