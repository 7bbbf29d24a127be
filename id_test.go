package muster

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseID(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"1", "1882735962480556672", "9223372036854775807"} {
		id, err := ParseID(good)
		if err != nil || id.String() != good {
			t.Errorf("ParseID(%q) = %v, %v", good, id, err)
		}
	}
	for _, bad := range []string{"", "0", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "9223372036854775808", "99999999999999999999", "١"} {
		if id, err := ParseID(bad); err == nil || KindOf(err) != KindInvalid {
			t.Errorf("ParseID(%q) = %v, %v; want a refusal of KindInvalid", bad, id, err)
		}
	}
}

func TestIDIsAStringInJSON(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID ID `json:"id"`
	}
	text, err := json.Marshal(thing{1882735962480556672})
	if err != nil || string(text) != `{"id":"1882735962480556672"}` {
		t.Fatalf("marshalled to %s, %v", text, err)
	}
	var back thing
	if err := json.Unmarshal(text, &back); err != nil || back.ID != 1882735962480556672 {
		t.Fatalf("unmarshalled to %v, %v", back, err)
	}
}

// clock is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func TestIDSource(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	next := func(t *testing.T, s *IDSource) ID {
		t.Helper()
		id, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	source := func(t *testing.T, c *clock, floor ID) *IDSource {
		t.Helper()
		s, err := NewIDSource(3, floor, c.Now)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	t.Run("ids have today's 19 digits and know their time", func(t *testing.T) {
		t.Parallel()
		id := next(t, source(t, &clock{now: start}, 0))
		if len(id.String()) != 19 || !id.Time().Equal(start) {
			t.Errorf("id %s of %s", id, id.Time())
		}
	})
	t.Run("ids rise while the clock goes back", func(t *testing.T) {
		t.Parallel()
		c := &clock{now: start}
		s := source(t, c, 0)
		before := next(t, s)
		c.set(start.Add(-4 * time.Second))
		for range 3 * MaxRun {
			after := next(t, s)
			if after <= before {
				t.Fatalf("%s came after %s", after, before)
			}
			before = after
		}
	})
	t.Run("a clock too far behind is an error until it has caught up", func(t *testing.T) {
		t.Parallel()
		c := &clock{now: start}
		s := source(t, c, 0)
		before := next(t, s)
		c.set(start.Add(-MaxClockLead - time.Second))
		if _, err := s.Next(); KindOf(err) != KindUnavailable {
			t.Fatalf("Next = %v, want KindUnavailable", err)
		}
		if err := s.Ready(); KindOf(err) != KindUnavailable {
			t.Fatalf("Ready = %v, want KindUnavailable", err)
		}
		c.set(start)
		if after := next(t, s); after <= before {
			t.Fatalf("%s came after %s", after, before)
		}
	})
	t.Run("ids go on above the floor of an earlier life", func(t *testing.T) {
		t.Parallel()
		first := source(t, &clock{now: start}, 0)
		floor, err := first.Run(MaxRun)
		if err != nil {
			t.Fatal(err)
		}
		floor += MaxRun - 1
		if id := next(t, source(t, &clock{now: start}, floor)); id <= floor {
			t.Errorf("%s is not above %s", id, floor)
		}
	})
	t.Run("a run is consecutive and of one node", func(t *testing.T) {
		t.Parallel()
		s := source(t, &clock{now: start}, 0)
		last := ID(0)
		for _, n := range []int{1000, 1000, 1000, 1000, 1000, 4096, 1} {
			first, err := s.Run(n)
			if err != nil {
				t.Fatal(err)
			}
			end := first + ID(n-1)
			if first <= last || first>>sequenceBits != end>>sequenceBits || first>>sequenceBits&MaxNode != 3 {
				t.Fatalf("run of %d from %d to %d after %d", n, first, end, last)
			}
			last = end
		}
	})
	t.Run("concurrent callers never share an id", func(t *testing.T) {
		t.Parallel()
		s := source(t, &clock{now: start}, 0)
		var mu sync.Mutex
		seen := map[ID]bool{}
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for range 500 {
					id, err := s.Run(3)
					mu.Lock()
					for k := range ID(3) {
						if err != nil || seen[id+k] {
							t.Errorf("id %s again, or %v", id+k, err)
						}
						seen[id+k] = true
					}
					mu.Unlock()
				}
			})
		}
		callers.Wait()
	})
	t.Run("nodes and runs out of range are refused", func(t *testing.T) {
		t.Parallel()
		for _, node := range []int{-1, MaxNode + 1} {
			if _, err := NewIDSource(node, 0, time.Now); err == nil {
				t.Errorf("node %d was taken", node)
			}
		}
		s := source(t, &clock{now: start}, 0)
		for _, n := range []int{-1, 0, MaxRun + 1} {
			if _, err := s.Run(n); err == nil {
				t.Errorf("a run of %d was given", n)
			}
		}
	})
}

func TestReservedIDs(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := &clock{now: start}
	s := NewReservedIDSource(c.Now)
	reserve := func(node int, after ID, upTo time.Time) {
		t.Helper()
		if err := s.Reserve(node, after, LastIDAt(upTo)); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(when string) {
		t.Helper()
		if _, err := s.Next(); KindOf(err) != KindUnavailable {
			t.Errorf("%s: Next = %v, want KindUnavailable", when, err)
		}
		if err := s.Ready(); KindOf(err) != KindUnavailable {
			t.Errorf("%s: Ready = %v, want KindUnavailable", when, err)
		}
	}
	given := func(when string, node ID, after ID) ID {
		t.Helper()
		id, err := s.Next()
		if err != nil || id>>sequenceBits&MaxNode != node || id <= after {
			t.Errorf("%s: %d of node %d, %v; want one of node %d above %d", when, id, id>>sequenceBits&MaxNode, err, node, after)
		}
		if err := s.Ready(); err != nil {
			t.Errorf("%s: Ready = %v", when, err)
		}
		return id
	}
	refused("nothing is reserved")
	reserve(7, LastIDAt(start.Add(-time.Second)), start.Add(time.Minute))
	id := given("with a reservation", 7, 0)
	c.set(start.Add(time.Minute))
	id = given("at its end", 7, id)
	c.set(start.Add(time.Minute + time.Millisecond))
	refused("past its end")
	c.set(start.Add(time.Minute))
	reserve(7, 0, start.Add(2*time.Minute))
	given("with a longer one", 7, id)
	reserve(8, LastIDAt(start.Add(time.Minute+time.Second)), start.Add(2*time.Minute))
	id = given("of another node, which others had before", 8, LastIDAt(start.Add(time.Minute+time.Second)))
	if released := s.Release(); released < id || released.Time() != id.Time() {
		t.Errorf("released %s of %s, want the last of %s", released, released.Time(), id.Time())
	}
	refused("released")
	if err := s.Reserve(MaxNode+1, 0, LastIDAt(start)); err == nil {
		t.Error("a node number out of range was taken")
	}
}

func TestLastIDAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, int(3*time.Millisecond), time.UTC)
	if id := LastIDAt(now); id.Time() != now.Local() || (id+1).Time() != now.Local().Add(time.Millisecond) {
		t.Errorf("%s is of %s, and the next of %s", id, id.Time(), (id + 1).Time())
	}
}

// However wrong the clocks of nodes are, and whichever of them stop or die, ids of what was reserved never repeat.
func TestReservedIDsNeverRepeat(t *testing.T) {
	t.Parallel()
	type node struct {
		clock  clock
		source *IDSource
		number int
	}
	type row struct {
		owner *node
		last  ID
	}
	rapid.Check(t, func(t *rapid.T) {
		rows := make([]row, 2) // fewer than nodes
		nodes := make([]*node, 4)
		start := func(t *rapid.T, i int) {
			n := &node{clock: clock{now: time.UnixMilli(IDEpoch + rapid.Int64Range(1, 20).Draw(t, "clock"))}}
			n.source = NewReservedIDSource(n.clock.Now)
			nodes[i] = n
		}
		for i := range nodes {
			start(t, i)
		}
		pick := rapid.IntRange(0, len(nodes)-1)
		made := map[ID]int{} // runs by their first ids
		t.Repeat(map[string]func(*rapid.T){
			"the clock jumps": func(t *rapid.T) {
				c := &nodes[pick.Draw(t, "node")].clock
				c.set(c.Now().Add(time.Duration(rapid.IntRange(-5, 10).Draw(t, "jump")) * time.Millisecond))
			},
			"ids are reserved": func(t *rapid.T) {
				n, number := nodes[pick.Draw(t, "node")], rapid.IntRange(0, len(rows)-1).Draw(t, "number")
				r := &rows[number]
				after := r.last
				if r.owner == n && n.number == number {
					after = 0
				}
				r.owner, r.last, n.number = n, max(r.last, LastIDAt(n.clock.Now().Add(10*time.Millisecond))), number
				if err := n.source.Reserve(number, after, r.last); err != nil {
					t.Fatal(err)
				}
			},
			"a node stops": func(t *rapid.T) {
				i := pick.Draw(t, "node")
				n := nodes[i]
				if last := n.source.Release(); rows[n.number].owner == n {
					rows[n.number] = row{last: last}
				}
				start(t, i)
			},
			"a node dies": func(t *rapid.T) { start(t, pick.Draw(t, "node")) },
			"ids are made": func(t *rapid.T) {
				n := rapid.SampledFrom([]int{1, 1000, MaxRun}).Draw(t, "run")
				first, err := nodes[pick.Draw(t, "node")].source.Run(n)
				if err != nil && KindOf(err) != KindUnavailable {
					t.Fatal(err)
				}
				if err != nil {
					return
				}
				if made[first] != 0 {
					t.Fatalf("%d was made twice", first)
				}
				made[first] = n
			},
			"": func(t *rapid.T) {
				end := ID(0)
				for _, first := range slices.Sorted(maps.Keys(made)) {
					if first < end {
						t.Fatalf("%d was made twice", first)
					}
					end = first + ID(made[first])
				}
			},
		})
	})
}
