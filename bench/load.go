package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"muster/client"
)

const batchSize = 1000

// submit hands the users in, in batches of 1,000, and returns the tasks.
func submit(ctx context.Context, c *client.Client, users []client.User, clients int) ([]string, error) {
	batches := (len(users) + batchSize - 1) / batchSize
	tasks := make([]string, batches)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(clients)
	for i := range batches {
		g.Go(func() error {
			var err error
			tasks[i], err = c.CreateBatch(ctx, users[i*batchSize:min((i+1)*batchSize, len(users))])
			return err
		})
	}
	return tasks, g.Wait()
}

// wait returns when all tasks are finished, and their sum.
func wait(ctx context.Context, c *client.Client, tasks []string) (client.Task, error) {
	var sum client.Task
	for _, id := range tasks {
		task, err := c.Wait(ctx, id)
		if err != nil {
			return sum, err
		}
		sum.Total += task.Total
		sum.Succeeded += task.Succeeded
		sum.Failed += task.Failed
		sum.Skipped += task.Skipped
	}
	return sum, nil
}

// provision submits, waits, and gives the rate in users/s.
func provision(ctx context.Context, c *client.Client, users []client.User, clients int) (float64, client.Task, error) {
	began := time.Now()
	tasks, err := submit(ctx, c, users, clients)
	if err != nil {
		return 0, client.Task{}, err
	}
	sum, err := wait(ctx, c, tasks)
	if err == nil && sum.Total != len(users) {
		err = fmt.Errorf("%d users were handed in and %d have outcomes", len(users), sum.Total)
	}
	return float64(len(users)) / time.Since(began).Seconds(), sum, err
}
