package main

import (
	"context"
	"errors"
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
	return b.newServers(ctx, func(at place, s *server, c *client.Client) error {
		var floors, rates, ratios []float64
		for range b.runs {
			before, err := argonFloor(b.hashing)
			if err != nil {
				return err
			}
			rate, _, err := provision(ctx, c, people(b.passwords, even, secretOf), b.clients)
			if err != nil {
				return err
			}
			after, err := argonFloor(b.hashing)
			if err != nil {
				return err
			}
			floor := (before + after) / 2
			floors, rates, ratios = append(floors, floor), append(rates, rate), append(ratios, rate/floor)
		}
		fmt.Printf("   %-10s  bare Argon2id %.1f hashes/s  server %.1f users/s  ratio %.3f (goal 0.95)  all %.3f\n",
			at, median(floors), median(rates), median(ratios), ratios)
		return nil
	})
}

// existing provisions users, and then the same ones again, with passwords and without.
func existing(ctx context.Context, b *bench) error {
	return b.newServers(ctx, func(at place, s *server, c *client.Client) error {
		users := people(b.users, even, nil)
		first, _, err := provision(ctx, c, users, b.clients)
		if err != nil {
			return err
		}
		withPasswords := make([]client.User, len(users))
		for i, u := range users {
			u.Password = secretOf(i)
			withPasswords[i] = u
		}
		var rates, ratios []float64
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
			rates, ratios = append(rates, rate), append(ratios, rate/plain)
		}
		fmt.Printf("   %-10s  new %.0f users/s  again with passwords %.0f users/s, %.2f of the same without\n", at, first, median(rates), median(ratios))
		return nil
	})
}

// backlogs gives many tenants a backlog, every second one with passwords.
func (b *bench) backlogs(ctx context.Context, s *server) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(b.clients)
	for i := range b.tenants {
		install, err := s.tenant(ctx, "backlog-"+strconv.Itoa(i))
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		c, err := s.client(install)
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		g.Go(func() error {
			secrets := secretOf
			if i%2 == 0 {
				secrets = nil
			}
			for left := b.backlog; left > 0; left -= batchSize {
				if _, err := submit(ctx, c, people(min(left, batchSize), even, secrets), 1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// fairness times small batches of tenants that were idle, behind many backlogs.
func fairness(ctx context.Context, b *bench) error {
	return b.newServers(ctx, func(at place, s *server, _ *client.Client) error {
		if err := b.backlogs(ctx, s); err != nil {
			return err
		}
		for _, kind := range []struct {
			name    string
			goal    float64
			secrets func(int) string
		}{{"without passwords", 2, nil}, {"with passwords", 5, secretOf}} {
			var times []float64
			for i := range b.runs {
				install, err := s.tenant(ctx, kind.name+" "+strconv.Itoa(i))
				if err != nil {
					return err
				}
				c, err := s.client(install)
				if err != nil {
					return err
				}
				began := time.Now()
				if _, _, err := provision(ctx, c, people(10, odd, kind.secrets), 1); err != nil {
					return err
				}
				times = append(times, time.Since(began).Seconds())
			}
			fmt.Printf("   %-10s  ten users %s behind %d backlogs of %d rows: median %.2f s (goal %.0f), all %.2f\n",
				at, kind.name, b.tenants, b.backlog, median(times), kind.goal, times)
		}
		fmt.Printf("   %-10s  resident at most %.0f MB\n", at, s.memory())
		return nil
	})
}
