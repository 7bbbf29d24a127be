package crashtest

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"muster/store/postgres/pgtest"
)

// trialsAtOnce is how many trials run side by side. They wait more than they work, for what is noticed after a while, so that
// they are more than the processors.
const trialsAtOnce = 4

// TestClusterFaults has nodes on a PostgreSQL go through what can happen to either, each fault in a trial of its own, and prints
// what came of all.
func TestClusterFaults(t *testing.T) {
	t.Parallel()
	faults := []struct {
		name string
		try  func(*testing.T) *trial
	}{
		{"a node stands still", pauseNode},
		{"a node is cut off", cutOffNode},
		{"a node is killed for good", killNodeForGood},
		{"nodes are killed", killNodes},
		{"the database is killed", killDatabase},
		{"the standby takes over", failOver},
		{"the database is frozen", freezeDatabase},
		{"connections are cut", cutConnections},
		{"the database's disk is full", fillDisk},
	}
	table := make([]string, len(faults))
	var trials errgroup.Group
	trials.SetLimit(trialsAtOnce)
	for i, f := range faults {
		trials.Go(func() error {
			t.Run(f.name, func(t *testing.T) { table[i] = f.try(t).result(t, f.name) })
			return nil
		})
	}
	_ = trials.Wait() // they fail by themselves
	t.Logf("what came of all:\n%s\n%s", tableHead, strings.Join(table, "\n"))
}

// killNodes kills nodes at random instants and starts them again, some before they are ready.
func killNodes(t *testing.T) *trial {
	kills := setting(t, nodeKillsVariable, 6)
	s := startPostgres(t, pgtest.Options{})
	x := newTrial(t, s.URL(trialDatabase), named(s.URL(trialDatabase), 2)...)
	open := 0
	x.run(t, kills, func(ctx context.Context, n int) error {
		at := x.r.IntN(len(x.nodes))
		node := x.nodes[at]
		l := node.latest()
		if n%4 != 3 {
			if err := l.awaitReady(ctx); err != nil {
				return err
			}
		}
		if err := cmp.Or(l.endedByItself(), l.pause()); err != nil {
			return err
		}
		met, err := x.openTransactions(ctx, at)
		if err != nil {
			return err
		}
		open += min(met, 1)
		if err := l.kill(ctx); err != nil {
			return err
		}
		_, err = node.start()
		return err
	})
	x.met = fmt.Sprintf("%d of the kills met a transaction that held a tenant's lock", open)
	return x
}

// movesOn is within what time another node goes on with a killed one's lanes.
const movesOn = 30 * time.Second

// killNodeForGood kills a node that has turns, and looks when another one takes them.
func killNodeForGood(t *testing.T) *trial {
	s := startPostgres(t, pgtest.Options{})
	x := newTrial(t, s.URL(trialDatabase), named(s.URL(trialDatabase), 2)...)
	x.run(t, 1, func(ctx context.Context, _ int) error {
		l := x.nodes[0].latest()
		lanes, err := x.catchTurns(ctx, l)
		if err != nil {
			return err
		}
		if err := l.kill(ctx); err != nil {
			return err
		}
		killed := time.Now()
		x.release()
		ctx, cancel := context.WithTimeoutCause(ctx, movesOn, fmt.Errorf("the other node did not go on within %s", movesOn))
		defer cancel()
		for _, lane := range lanes {
			if err := x.awaitProgress(ctx, lane); err != nil {
				return err
			}
		}
		x.met = fmt.Sprintf("the other node went on with its %d lanes after %s", len(lanes), time.Since(killed).Round(100*time.Millisecond))
		return nil
	})
	return x
}

// pauseNode stops a node in the middle of a transaction, for longer than the others wait for it, and lets it go on. Where that
// is longer than its number in ids is its own, a further node comes that may take it.
func pauseNode(t *testing.T) *trial {
	d := time.Duration(setting(t, pauseVariable, 12)) * time.Second
	s := startPostgres(t, pgtest.Options{})
	urls := named(s.URL(trialDatabase), 3)
	x := newTrial(t, s.URL(trialDatabase), urls[:2]...)
	x.limit += d
	x.met = "for " + d.String() + ", in a transaction that held a tenant's lock"
	x.run(t, 1, func(ctx context.Context, _ int) error {
		l := x.nodes[0].latest()
		if err := x.catchTransaction(ctx, 0, l.pause, l.resume); err != nil {
			return err
		}
		x.release()
		if err := pause(ctx, d); err != nil {
			return err
		}
		if d > time.Minute {
			third, err := x.add(t, urls[2]).start()
			if err != nil {
				return err
			}
			if err := third.awaitReady(ctx); err != nil {
				return err
			}
		}
		return l.resume()
	})
	return x
}

// cutOffNode keeps back all that goes between a node and PostgreSQL, in the middle of a transaction, for longer than others wait
// for the node, and then passes it on.
func cutOffNode(t *testing.T) *trial {
	d := time.Duration(setting(t, pauseVariable, 12)) * time.Second
	s := startPostgres(t, pgtest.Options{})
	p := startProxy(t, s.Address())
	urls := named(s.URL(trialDatabase), 2)
	urls[0] = named(s.URLAt(p.address(), trialDatabase), 1)[0]
	x := newTrial(t, s.URL(trialDatabase), urls...)
	x.limit += d
	x.met = "for " + d.String() + ", in a transaction that held a tenant's lock"
	x.run(t, 1, func(ctx context.Context, _ int) error {
		if err := x.catchTransaction(ctx, 0, p.fallSilent, p.hear); err != nil {
			return err
		}
		x.release()
		return cmp.Or(pause(ctx, d), p.hear())
	})
	return x
}

// killDatabase kills PostgreSQL at random instants and starts it again after a random while, in which sometimes a node is
// killed and started, too.
func killDatabase(t *testing.T) *trial {
	kills := setting(t, databaseKillsVariable, 3)
	s := startPostgres(t, pgtest.Options{Durable: true})
	x := newTrial(t, s.URL(trialDatabase), named(s.URL(trialDatabase), 2)...)
	started := 0
	x.run(t, kills, func(ctx context.Context, n int) error {
		if err := s.Kill(); err != nil {
			return err
		}
		var rising errgroup.Group
		if n%3 == 1 {
			started++
			node := x.nodes[x.r.IntN(len(x.nodes))]
			if err := node.latest().kill(ctx); err != nil {
				return err
			}
			rising.Go(func() error { return node.rise(ctx) })
		}
		err := cmp.Or(pause(ctx, spread(x.r, 10*time.Millisecond, time.Second)), s.Restart())
		return cmp.Or(rising.Wait(), err)
	})
	x.met = fmt.Sprintf("%d nodes started meanwhile", started)
	return x
}

// failOver kills a primary and promotes its standby, which takes its place; then it becomes the standby. It has commits that the
// standby was too slow to get, and nobody was told of: the first time so slow that nodes give up waiting.
func failOver(t *testing.T) *trial {
	times := setting(t, failOversVariable, 1)
	primary := startPostgres(t, pgtest.Options{})
	standby, err := pgtest.StartStandby(primary, pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	endWithTest(t, standby)
	u, err := url.Parse(primary.URL(trialDatabase))
	if err != nil {
		t.Fatal(err)
	}
	u.Host += "," + standby.Address()
	u.RawQuery += "&target_session_attrs=read-write"
	x := newTrial(t, u.String(), named(u.String(), 2)...)
	behind := time.Duration(setting(t, behindVariable, 1)) * time.Second
	x.limit += behind
	x.met = "the standby was behind by " + behind.String() + " and less"
	x.run(t, times, func(ctx context.Context, n int) error {
		d := spread(x.r, 50*time.Millisecond, time.Second)
		if n == 0 {
			d = behind
		}
		if err := standby.Freeze(); err != nil {
			return err
		}
		x.release()
		if err := cmp.Or(pause(ctx, d), primary.Kill(), standby.Thaw(), standby.Promote()); err != nil {
			return err
		}
		primary, standby = standby, primary
		return standby.Follow(primary)
	})
	return x
}

// freezeDatabase stops all of PostgreSQL's processes for a while.
func freezeDatabase(t *testing.T) *trial {
	d := time.Duration(setting(t, freezeVariable, 3)) * time.Second
	s := startPostgres(t, pgtest.Options{})
	x := newTrial(t, s.URL(trialDatabase), named(s.URL(trialDatabase), 2)...)
	x.limit += d
	x.met = "for " + d.String()
	x.run(t, 1, func(ctx context.Context, _ int) error {
		if err := s.Freeze(); err != nil {
			return err
		}
		x.release()
		return cmp.Or(pause(ctx, d), s.Thaw())
	})
	return x
}

// fillDisk takes all room on PostgreSQL's disk, until callers are told to come later, and a while longer. Every second time there
// is no room for its log either, which PostgreSQL does not survive.
func fillDisk(t *testing.T) *trial {
	times := setting(t, fillsVariable, 2)
	s := startPostgres(t, pgtest.Options{Disk: 512 << 20, Settings: []string{"max_wal_size=64MB"}})
	x := newTrial(t, s.URL(trialDatabase), named(s.URL(trialDatabase), 2)...)
	ended := 0
	x.run(t, times, func(ctx context.Context, n int) error {
		_, before, _ := x.tallied()
		if err := s.FillDisk(); err != nil {
			return err
		}
		for n%2 == 1 && s.Exec(ctx, "SELECT pg_switch_wal()") == nil { // some may be there still
		}
		x.release()
		for later := before; later == before; _, later, _ = x.tallied() {
			if err := pause(ctx, lookEvery); err != nil {
				return err
			}
		}
		if err := cmp.Or(pause(ctx, spread(x.r, 100*time.Millisecond, time.Second)), s.FreeDisk()); err != nil {
			return err
		}
		if s.Exec(ctx, "SELECT 1") == nil {
			return nil
		}
		ended++
		return s.Restart()
	})
	x.met = fmt.Sprintf("PostgreSQL ended itself %d times", ended)
	return x
}

// cutConnections has a proxy before each node cut its connections to PostgreSQL, lose the answers to commits, refuse
// connections, and fall silent.
func cutConnections(t *testing.T) *trial {
	cuts := setting(t, cutsVariable, 30)
	s := startPostgres(t, pgtest.Options{})
	var urls []string
	var proxies []*proxy
	for range 2 {
		p := startProxy(t, s.Address())
		proxies, urls = append(proxies, p), append(urls, s.URLAt(p.address(), trialDatabase))
	}
	x := newTrial(t, s.URL(trialDatabase), urls...)
	x.run(t, cuts, func(ctx context.Context, n int) error {
		p := proxies[x.r.IntN(len(proxies))]
		switch n % 6 {
		case 0, 1:
			p.commits.Add(1 + x.r.Int64N(4))
		case 2, 3:
			p.cutOne(x.r)
		case 4:
			p.refuse(true)
			p.cutAll()
			defer p.refuse(false)
			return pause(ctx, spread(x.r, time.Millisecond, 500*time.Millisecond))
		default:
			return cmp.Or(p.fallSilent(), pause(ctx, spread(x.r, 10*time.Millisecond, time.Second)), p.hear())
		}
		return nil
	})
	x.met = fmt.Sprintf("%d answers to COMMIT lost", proxies[0].lost.Load()+proxies[1].lost.Load())
	return x
}
