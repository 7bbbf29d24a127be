// Command bench measures a Muster server as its users meet it: the real binary as a child process, signed requests over
// HTTP, server and load generator on the same machine. Each figure stands beside a floor that was measured in the same run,
// and what counts is the ratio: machines differ, and are noisy.
//
//	go run ./bench                  everything, at 100,000 users; minutes
//	go run ./bench -users 10000     less
//	go run ./bench -only passwords  one measurement
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
)

type options struct {
	users     int // for the measurements without passwords
	passwords int // users whose passwords are hashed
	tenants   int // with a backlog, in the measurement of fairness
	backlog   int // rows of each
	directory int // users of the large directory, in the measurement of pre-verification
	clients   int // concurrent requests of the load generator
	runs      int // of which the median is told
}

type measurement struct {
	name  string
	about string
	run   func(context.Context, *bench) error
}

var measurements = []measurement{
	{"throughput", "users/s without passwords, against the plainest loader", throughput},
	{"postgres", "the same on PostgreSQL, with one node and with two, against COPY", onPostgres},
	{"passwords", "users/s with passwords, against bare Argon2id", passwords},
	{"existing", "the same users again, with passwords and without", existing},
	{"fairness", "a ten-user batch of a newly active tenant behind many backlogs", fairness},
	{"preverify", "1,000 users pre-verified at once, against a large directory and a small one", preverify},
}

func main() {
	var o options
	flag.IntVar(&o.users, "users", 100_000, "users without passwords")
	flag.IntVar(&o.passwords, "passwords", 1500, "users with passwords")
	flag.IntVar(&o.tenants, "tenants", 50, "tenants with a backlog")
	flag.IntVar(&o.backlog, "backlog", 20_000, "rows of each backlog")
	flag.IntVar(&o.directory, "directory", 1_000_000, "users of the large directory")
	flag.IntVar(&o.clients, "clients", 2, "concurrent requests")
	flag.IntVar(&o.runs, "runs", 3, "repetitions of throughput, whose median is told")
	only := flag.String("only", "", "comma-separated names of measurements, all if empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, only string) error {
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	for _, m := range measurements {
		if only != "" && !slices.Contains(strings.Split(only, ","), m.name) {
			continue
		}
		fmt.Printf("== %s: %s\n", m.name, m.about)
		if err := m.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// median of figures that are not empty; the slice is left as it is.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}
