package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"muster/client"
)

// submitting times the acceptance of 1,000 users, of a server that does nothing else and of one that always has much to do.
func submitting(ctx context.Context, b *bench) error {
	return b.newServers(ctx, func(at place, s *server, c *client.Client) error {
		idle, err := b.acceptances(ctx, c, true)
		if err != nil {
			return err
		}
		busy, err := b.underLoad(ctx, s, c)
		if err != nil {
			return err
		}
		fmt.Printf("   %-10s  idle: median %.1f ms, p99 %.1f (goal 50)   under load: median %.1f ms, p99 %.1f (goal 250)   of %d requests each\n",
			at, median(idle), percentile(idle, 99), median(busy), percentile(busy, 99), b.requests)
		return nil
	})
}

// acceptances gives how long each took, in ms; apart waits for what was accepted before it sends the next.
func (b *bench) acceptances(ctx context.Context, c *client.Client, apart bool) (times []float64, err error) {
	for i := range warming + b.requests {
		users := people(batchSize, even, nil)
		began := time.Now()
		task, err := c.CreateBatch(ctx, users)
		if err != nil {
			return nil, err
		}
		if took := time.Since(began); i >= warming {
			times = append(times, took.Seconds()*1000)
		}
		if apart {
			if _, err := c.Wait(ctx, task); err != nil {
				return nil, err
			}
		}
	}
	return times, nil
}

// underLoad times acceptances while another tenant's client sees to it that the server never runs out of rows.
func (b *bench) underLoad(ctx context.Context, s *server, c *client.Client) (times []float64, err error) {
	install, err := s.tenant(ctx, "load")
	if err != nil {
		return nil, err
	}
	other, err := s.client(install)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var load sync.WaitGroup
	load.Go(func() {
		var tasks []string
		for ctx.Err() == nil {
			made, err := submit(ctx, other, people(batchSize, even, nil), 1)
			if err != nil {
				return
			}
			if tasks = append(tasks, made...); len(tasks) > 20 { // wait for the oldest, so that twenty are always there
				if _, err := other.Wait(ctx, tasks[0]); err != nil {
					return
				}
				tasks = tasks[1:]
			}
		}
	})
	times, err = b.acceptances(ctx, c, false)
	cancel()
	load.Wait()
	return times, err
}
