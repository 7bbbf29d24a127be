// Command bench measures a Muster server as its users meet it: the real binary as a child process, signed requests over
// HTTP, server, database and load generator on the same machine. Each figure stands beside a floor that was measured in the
// same run, and what counts is the ratio: machines differ, and are noisy.
//
//	go run ./bench                    everything, on SQLite and on PostgreSQL; some 40 minutes on two cores
//	go run ./bench -short             the same with small numbers, in under a minute; its figures say little
//	go run ./bench -on sqlite         on one of the two
//	go run ./bench -only submit,pages some of the measurements
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

type options struct {
	users     int   // for the measurements without passwords
	sizes     []int // of the directories into which they are written
	passwords int   // users whose passwords are hashed
	tenants   int   // with a backlog, in the measurement of fairness
	backlog   int   // rows of each
	directory int   // users of the large directory, in the measurement of pre-verification
	requests  int   // whose latency is told
	history   []int // past batches, in the measurement of pages
	uploaded  int   // users of one file
	tasks     int   // of 100 federated rows each
	clients   int   // concurrent requests of the load generator
	runs      int   // repetitions whose median is told
	small     bool

	hashing  time.Duration // of bare Argon2id, before and after each repetition
	profiled time.Duration // of a server's time
}

var (
	long = options{
		users: 50_000, sizes: []int{10_000, 100_000, 1_000_000}, passwords: 1500, tenants: 50, backlog: 20_000, directory: 1_000_000,
		requests: 300, history: []int{1, 1000, 100_000}, uploaded: 1_000_000, tasks: 900, clients: 2, runs: 5,
		hashing: 5 * time.Second, profiled: 10 * time.Second,
	}
	short = options{
		users: 4000, sizes: []int{1000, 10_000}, passwords: 100, tenants: 4, backlog: 2000, directory: 10_000,
		requests: 20, history: []int{1000}, uploaded: 10_000, tasks: 60, clients: 2, runs: 1, small: true,
		hashing: 500 * time.Millisecond, profiled: time.Second,
	}
)

type measurement struct {
	name  string
	about string
	run   func(context.Context, *bench) error
	long  bool // with small numbers it is left out, unless it is asked for
}

var measurements = []measurement{
	{"throughput", "users/s without passwords, by the size of the directory, against the plainest loader", throughput, false},
	{"nodes", "users/s of one node and of two, on PostgreSQL", nodes, true},
	{"passwords", "users/s with passwords, against bare Argon2id", passwords, false},
	{"existing", "the same users again, with passwords and without", existing, true},
	{"submit", "time to accept 1,000 users, idle and under load", submitting, false},
	{"pages", "time to read 1,000 outcomes, by the number of past batches", pages, false},
	{"preverify", "1,000 users pre-verified at once, against a large directory and a small one", preverify, false},
	{"federated", "federated rows/s, against the plainest loader", federated, false},
	{"fairness", "a ten-user batch of a newly active tenant behind many backlogs", fairness, false},
	{"signin", "time to sign in while passwords are imported", signin, false},
	{"upload", "users/s of one large file, with and without a dry run, against batches of 1,000", upload, false},
	{"disk", "bytes on the disk", disk, false},
	{"shares", "where the time of a request for 1,000 users goes", shares, false},
}

func main() {
	var small bool
	var on, only, flame string
	flag.BoolVar(&small, "short", os.Getenv("SHORT") != "", "small numbers; also by the environment's SHORT")
	flag.StringVar(&on, "on", "sqlite,postgres", "where")
	flag.StringVar(&only, "only", "", "comma-separated names of measurements, all if empty")
	flag.StringVar(&flame, "flame", "", "file for the flame graph of 'shares', as SVG")
	runs := flag.Int("runs", 0, "repetitions whose median is told")
	flag.Parse()
	o := long
	if small {
		o = short
	}
	if *runs > 0 {
		o.runs = *runs
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, strings.Split(on, ","), only, flame)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, on []string, only, flame string) (err error) {
	if err := known(only); err != nil {
		return err
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	b.on, b.flame = on, flame
	defer func() { err = errors.Join(err, b.close()) }()
	for _, m := range measurements {
		if only == "" && m.long && o.small || only != "" && !slices.Contains(strings.Split(only, ","), m.name) {
			continue
		}
		fmt.Printf("== %s: %s\n", m.name, m.about)
		if err := m.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// known refuses names of which there is no measurement.
func known(only string) error {
	if only == "" {
		return nil
	}
	names := make([]string, len(measurements))
	for i, m := range measurements {
		names[i] = m.name
	}
	for _, name := range strings.Split(only, ",") {
		if !slices.Contains(names, name) {
			return fmt.Errorf("-only: there is no measurement %q: %s are accepted", name, strings.Join(names, ", "))
		}
	}
	return nil
}

// everywhere measures on SQLite and on PostgreSQL, or the one of them that was asked for.
func (b *bench) everywhere(ctx context.Context, measure func(place) error) error {
	for _, name := range b.on {
		var at place
		switch name {
		case "sqlite":
			at = folders{b}
		case "postgres":
			d, err := b.shared(ctx)
			if err != nil {
				return err
			}
			at = d
		default:
			return fmt.Errorf("there is no %q: sqlite and postgres are accepted", name)
		}
		if err := measure(at); err != nil {
			return fmt.Errorf("on %s: %w", at, err)
		}
	}
	return nil
}

// median of figures that are not empty; the slice is left as it is.
func median(figures []float64) float64 { return percentile(figures, 50) }

// percentile is the smallest of the figures, which are not empty, that p percent of them do not exceed.
func percentile(figures []float64, p int) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}
