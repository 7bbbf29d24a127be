package main

import (
	"context"
	"errors"
	"fmt"

	"muster/client"
)

// filled makes an installation whose tenant has so many users and past batches, to be cloned.
func (b *bench) filled(ctx context.Context, at place, users, batches int) (_ *server, err error) {
	s, err := at.install(ctx)
	if err != nil {
		return nil, err
	}
	l, err := at.loader(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close(ctx)) }()
	if _, err := load(ctx, l, people(users, even, nil), 0); err != nil {
		return nil, err
	}
	return s, l.history(ctx, batches, users)
}

// throughput writes the same number of users into directories of several sizes, by the floor and by a server in turns, so
// that a change of the machine's mood meets both.
func throughput(ctx context.Context, b *bench) error {
	return b.everywhere(ctx, func(at place) error {
		var floors, rates, ratios []float64
		var memory float64
		for _, size := range b.sizes {
			m, err := b.throughputAt(ctx, at, size)
			if err != nil {
				return err
			}
			floors, rates, ratios = append(floors, median(m.floors)), append(rates, median(m.rates)), append(ratios, median(m.ratios))
			memory = max(memory, m.memory)
			fmt.Printf("   %-10s  %7d users  floor %6.0f  server %6.0f users/s  ratio %.2f (goal 0.50)  all %.2f\n",
				at, size, median(m.floors), median(m.rates), median(m.ratios), m.ratios)
		}
		last := len(b.sizes) - 1
		fmt.Printf("   %-10s  from %d to %d users: floor %.2f, server %.2f, ratio of ratios %.2f (goal 0.90); "+
			"for each user %.0f allocations and %.0f µs of the server's processor time%s; resident at most %.0f MB\n",
			at, b.sizes[0], b.sizes[last], floors[last]/floors[0], rates[last]/rates[0], ratios[last]/ratios[0], b.each.allocations, 1e6*b.each.seconds, b.each.ofDatabase(), memory)
		return nil
	})
}

// rates are what the repetitions gave.
type rates struct {
	floors, rates, ratios []float64
	memory                float64
}

func (b *bench) throughputAt(ctx context.Context, at place, size int) (m rates, err error) {
	from, err := b.filled(ctx, at, size, 0)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, at.remove(ctx, from)) }()
	for range b.runs {
		users := people(b.users, odd, nil)
		floor, err := b.floorAt(ctx, at, from, users, size)
		if err != nil {
			return m, err
		}
		rate, memory, err := b.serverAt(ctx, at, from, users)
		if err != nil {
			return m, err
		}
		m.floors, m.rates, m.ratios = append(m.floors, floor), append(m.rates, rate), append(m.ratios, rate/floor)
		m.memory = max(m.memory, memory)
	}
	return m, nil
}

func (b *bench) floorAt(ctx context.Context, at place, from *server, users []client.User, first int) (rate float64, err error) {
	s, err := at.clone(ctx, from)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, at.remove(ctx, s)) }()
	l, err := at.loader(ctx, s)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close(ctx)) }()
	return load(ctx, l, users, first)
}

func (b *bench) serverAt(ctx context.Context, at place, from *server, users []client.User) (rate, memory float64, err error) {
	s, err := at.clone(ctx, from)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, at.remove(ctx, s)) }()
	if err := s.start(ctx); err != nil {
		return 0, 0, err
	}
	defer s.stop()
	c, err := s.client(s.install)
	if err != nil {
		return 0, 0, err
	}
	before, err := s.spent(ctx)
	if err != nil {
		return 0, 0, err
	}
	rate, sum, err := provision(ctx, c, users, b.clients)
	if err == nil && sum.Succeeded != len(users) {
		err = fmt.Errorf("%d of %d users were made", sum.Succeeded, len(users))
	}
	if err != nil {
		return 0, 0, err
	}
	after, err := s.spent(ctx)
	b.each = costs{
		allocations: (after.allocations - before.allocations) / float64(len(users)),
		seconds:     (after.seconds - before.seconds) / float64(len(users)),
		database:    (after.database - before.database) / float64(len(users)),
	}
	return rate, s.memory(), err
}

// costs are of a server, or what of them falls to a user.
type costs struct {
	allocations float64
	seconds     float64
	database    float64 // seconds of PostgreSQL; 0 where there is none
}

func (c costs) ofDatabase() string {
	if c.database == 0 {
		return ""
	}
	return fmt.Sprintf(" and %.0f µs of PostgreSQL's", 1e6*c.database)
}

func (s *server) spent(ctx context.Context) (c costs, err error) {
	if c.allocations, err = s.metric(ctx, "go_memstats_mallocs_total"); err != nil {
		return c, err
	}
	if c.seconds, err = s.metric(ctx, "process_cpu_seconds_total"); err != nil || s.database == "" {
		return c, err
	}
	took, err := s.b.pg.server.CPUTime()
	c.database = took.Seconds()
	return c, err
}

// disk tells what a million users take, with their outcomes.
func disk(ctx context.Context, b *bench) error {
	return b.everywhere(ctx, func(at place) (err error) {
		size := b.sizes[len(b.sizes)-1]
		before, err := b.filled(ctx, at, 0, 0)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, at.remove(ctx, before)) }()
		after, err := b.filled(ctx, at, size, 0)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, at.remove(ctx, after)) }()
		empty, err := at.bytes(ctx, before)
		if err != nil {
			return err
		}
		full, err := at.bytes(ctx, after)
		fmt.Printf("   %-10s  %.0f bytes on the disk for each of %d users, with a unique phone, an e-mail address, and an outcome\n",
			at, float64(full-empty)/float64(size), size)
		return err
	})
}
