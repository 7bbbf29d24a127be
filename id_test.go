package muster

import (
	"encoding/json"
	"sync"
	"testing"
	"time"
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
