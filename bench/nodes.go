package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster/client"
)

// nodes alternates one node and two, each on a database of its own of one durable server.
func nodes(ctx context.Context, b *bench) error {
	if len(b.on) == 1 && b.on[0] != "postgres" {
		return nil
	}
	d, err := b.shared(ctx)
	if err != nil {
		return err
	}
	var ones, twos, ratios []float64
	for range b.runs {
		users := people(b.users, even, nil)
		var rates [2]float64
		for i := range rates {
			if rates[i], err = b.onNodes(ctx, d, i+1, users); err != nil {
				return err
			}
		}
		ones, twos, ratios = append(ones, rates[0]), append(twos, rates[1]), append(ratios, rates[1]/rates[0])
	}
	fmt.Printf("   %-10s  one node %.0f users/s  two nodes %.0f  ratio %.2f  all %.2f\n", d, median(ones), median(twos), median(ratios), ratios)
	return nil
}

// onNodes provisions the users by way of so many nodes, the same share of them each.
func (b *bench) onNodes(ctx context.Context, d *databases, nodes int, users []client.User) (rate float64, err error) {
	first, err := d.install(ctx)
	if err != nil {
		return 0, err
	}
	running := []*server{first}
	defer func() {
		for _, s := range running {
			if s.process != nil {
				s.stop()
			}
		}
		err = errors.Join(err, d.remove(ctx, first))
	}()
	for len(running) < nodes {
		s, err := d.node(first.database)
		if err != nil {
			return 0, err
		}
		running = append(running, s)
	}
	for _, s := range running {
		if err := s.start(ctx); err != nil {
			return 0, err
		}
	}
	return b.share(ctx, running, users)
}

// share hands the users to the servers, each in its part of them and at the same time, and gives the rate of all.
func (b *bench) share(ctx context.Context, servers []*server, users []client.User) (float64, error) {
	began := time.Now()
	errs := make(chan error, len(servers))
	part := len(users) / len(servers)
	for i, s := range servers {
		c, err := s.client(servers[0].install)
		if err != nil {
			return 0, err
		}
		own := users[i*part : (i+1)*part]
		go func() {
			_, sum, err := provision(ctx, c, own, max(1, b.clients/len(servers)))
			if err == nil && sum.Succeeded != len(own) {
				err = fmt.Errorf("%d of %d users were made", sum.Succeeded, len(own))
			}
			errs <- err
		}()
	}
	var err error
	for range servers {
		err = errors.Join(err, <-errs)
	}
	return float64(part*len(servers)) / time.Since(began).Seconds(), err
}
