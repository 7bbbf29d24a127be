package main

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"muster/client"
	"muster/password"
)

// throughput alternates floor and server, so that a change of the machine's mood meets both.
func throughput(ctx context.Context, b *bench) error {
	var floors, rates, ratios []float64
	var memory float64
	for range b.runs {
		users := people(b.users, nil)
		floor, err := loaderFloor(ctx, b.dir, users)
		if err != nil {
			return err
		}
		s, err := b.serve(ctx)
		if err != nil {
			return err
		}
		c, err := s.client(s.install)
		if err != nil {
			return err
		}
		rate, sum, err := provision(ctx, c, users, b.clients)
		memory = max(memory, s.memory())
		s.stop()
		if err != nil {
			return err
		}
		if sum.Succeeded != len(users) {
			return fmt.Errorf("%d of %d users were made", sum.Succeeded, len(users))
		}
		fmt.Printf("   floor %7.0f users/s   server %7.0f users/s   ratio %.2f\n", floor, rate, rate/floor)
		floors, rates, ratios = append(floors, floor), append(rates, rate), append(ratios, rate/floor)
	}
	fmt.Printf("   median of %d: floor %.0f, server %.0f users/s, ratio %.2f; resident at most %.0f MB\n",
		b.runs, median(floors), median(rates), median(ratios), memory)
	return nil
}

func secretOf(i int) string { return "Q!@1assw" + strconv.Itoa(i) + "rd" }

// argonFloor is how many hashes a second all cores make, with nothing else to do.
func argonFloor(duration time.Duration) (float64, error) {
	var hashes atomic.Int64
	var fault error
	var once sync.Once
	var cores sync.WaitGroup
	began := time.Now()
	for range runtime.GOMAXPROCS(0) {
		cores.Go(func() {
			for time.Since(began) < duration {
				if _, err := (password.Hasher{}).Hash([]byte(secretOf(1))); err != nil {
					once.Do(func() { fault = err })
				}
				hashes.Add(1)
			}
		})
	}
	cores.Wait()
	return float64(hashes.Load()) / time.Since(began).Seconds(), fault
}

func passwords(ctx context.Context, b *bench) error {
	s, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	c, err := s.client(s.install)
	if err != nil {
		return err
	}
	var ratios []float64
	for range b.runs {
		before, err := argonFloor(5 * time.Second)
		if err != nil {
			return err
		}
		rate, _, err := provision(ctx, c, people(b.passwords, secretOf), b.clients)
		if err != nil {
			return err
		}
		after, err := argonFloor(5 * time.Second)
		if err != nil {
			return err
		}
		floor := (before + after) / 2
		fmt.Printf("   bare Argon2id %5.1f hashes/s   server %5.1f users/s   ratio %.3f\n", floor, rate, rate/floor)
		ratios = append(ratios, rate/floor)
	}
	fmt.Printf("   median of %d: ratio %.3f; resident at most %.0f MB\n", b.runs, median(ratios), s.memory())
	return nil
}

// existing provisions users, and then the same ones again, with passwords and without.
func existing(ctx context.Context, b *bench) error {
	s, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	c, err := s.client(s.install)
	if err != nil {
		return err
	}
	users := people(b.users, nil)
	first, _, err := provision(ctx, c, users, b.clients)
	if err != nil {
		return err
	}
	withPasswords := make([]client.User, len(users))
	for i, u := range users {
		u.Password = secretOf(i)
		withPasswords[i] = u
	}
	var ratios []float64
	for range b.runs {
		plain, _, err := provision(ctx, c, users, b.clients)
		if err != nil {
			return err
		}
		rate, sum, err := provision(ctx, c, withPasswords, b.clients)
		if err != nil {
			return err
		}
		if sum.Skipped != len(users) {
			return fmt.Errorf("%d of %d users are skips", sum.Skipped, len(users))
		}
		fmt.Printf("   again, without passwords %7.0f users/s   with %7.0f users/s   ratio %.2f\n", plain, rate, rate/plain)
		ratios = append(ratios, rate/plain)
	}
	fmt.Printf("   median of %d: ratio %.2f (new users, without passwords: %.0f users/s); resident at most %.0f MB\n",
		b.runs, median(ratios), first, s.memory())
	return nil
}

// fairness gives many tenants a backlog, half of it with passwords, and then times small batches of tenants that were idle.
func fairness(ctx context.Context, b *bench) error {
	s, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	g, submitting := errgroup.WithContext(ctx)
	g.SetLimit(b.clients)
	for i := range b.tenants {
		install, err := s.tenant(ctx, "backlog-"+strconv.Itoa(i))
		if err != nil {
			return err
		}
		c, err := s.client(install)
		if err != nil {
			return err
		}
		g.Go(func() error {
			secrets := secretOf
			if i%2 == 0 {
				secrets = nil
			}
			for left := b.backlog; left > 0; left -= batchSize {
				if _, err := submit(submitting, c, people(min(left, batchSize), secrets), 1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, kind := range []struct {
		name    string
		secrets func(int) string
	}{{"without passwords", nil}, {"with passwords", secretOf}} {
		var times []float64
		for i := range 5 {
			install, err := s.tenant(ctx, kind.name+" "+strconv.Itoa(i))
			if err != nil {
				return err
			}
			c, err := s.client(install)
			if err != nil {
				return err
			}
			began := time.Now()
			if _, _, err := provision(ctx, c, people(10, kind.secrets), 1); err != nil {
				return err
			}
			times = append(times, time.Since(began).Seconds())
		}
		fmt.Printf("   ten users %s behind %d backlogs of %d rows: median %.2f s, all %.2f\n", kind.name, b.tenants, b.backlog, median(times), times)
	}
	fmt.Printf("   resident at most %.0f MB\n", s.memory())
	return nil
}
