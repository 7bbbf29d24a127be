package console

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hostile is a label that somebody else chose.
const hostile = `"><script>alert('1')</script>&<b>`

// TestChartsAreDrawn: the drawings of fixed figures, byte by byte. Labels break out of nothing.
func TestChartsAreDrawn(t *testing.T) {
	t.Parallel()
	for _, c := range []chart{
		{
			ID: "lines", Title: "Title " + hostile, Across: "Day " + hostile, Up: "Up " + hostile, Fraction: true,
			Columns: []string{"2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05", hostile}, Ticks: []string{"1", "2", "3", "4", "5", hostile},
			Series: []series{{"One " + hostile, "s1", []float64{0, 12.34, 7, math.NaN(), 3, math.NaN()}}},
		},
		{
			ID: "bars", Title: "Title", Across: "Day", Up: "Rows", Bars: true, Columns: []string{"2026-01-01", "2026-01-02", "2026-01-03"},
			Ticks: []string{"01-01", "01-02", "01-03"}, Series: []series{
				{"Good", "s2", []float64{1000000, 0, math.NaN()}}, {"Bad " + hostile, "s3", []float64{234567, 10, math.NaN()}},
			},
		},
	} {
		var b strings.Builder
		if err := chartFigure(words{}, &c).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(b.String(), "><", ">\n<") + "\n"
		name := filepath.Join("testdata", "chart-"+c.ID+".html")
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if elements := elementsOf(t, got); slices.Contains(elements, "script") || slices.Contains(elements, "b") {
			t.Errorf("%s: a label made elements: %q", name, elements)
		}
	}
}

// elementsOf are the names of a well-formed document's elements.
func elementsOf(t *testing.T, text string) (names []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			names = append(names, e.Name.Local)
		}
	}
}

// TestScales: labels are 1, 2 or 5 times a power of ten, at most five with 0, and nothing is higher than the last.
func TestScales(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		highest   float64
		fraction  bool
		step, top float64
	}{
		{0, false, 1, 1}, {1, false, 1, 1}, {4, false, 1, 4}, {5, false, 2, 6}, {9, false, 5, 10}, {17, false, 5, 20}, {21, false, 10, 30},
		{1_234_567, false, 500_000, 1_500_000}, {0, true, 0.1, 0.1}, {0.3, true, 0.1, 0.3}, {12.34, true, 5, 15},
	} {
		if step, top := scale(c.highest, c.fraction); math.Abs(step-c.step) > 1e-9 || math.Abs(top-c.top) > 1e-9 {
			t.Errorf("to %v: every %v up to %v, want %v up to %v", c.highest, step, top, c.step, c.top)
		}
	}
}

// TestDaysAreSpread: between the days on record users stay as many, and before the first nothing is known.
func TestDaysAreSpread(t *testing.T) {
	t.Parallel()
	said := func(c columns) string {
		var all []string
		for i, began := range c.began {
			all = append(all, fmt.Sprintf("%s %v %v/%v/%v/%v", began.Format("01-02"), c.users[i], c.succeeded[i], c.failed[i], c.skipped[i], c.cancelled[i]))
		}
		return strings.Join(all, ", ")
	}
	days := []muster.Day{
		{Number: 20450, Users: 3, Succeeded: 9}, {Number: 20455, Users: 5, Succeeded: 2, Failed: 1, Skipped: 1, Cancelled: 4}, {Number: 20456, Users: 4},
	}
	for _, c := range []struct {
		first int64
		span  span
		want  string
	}{
		{20449, span{"", 3, 1}, "12-27 NaN NaN/NaN/NaN/NaN, 12-28 3 9/0/0/0, 12-29 3 0/0/0/0"},
		{20454, span{"", 4, 1}, "01-01 3 0/0/0/0, 01-02 5 2/1/1/4, 01-03 4 0/0/0/0, 01-04 4 0/0/0/0"},
		{20450, span{"", 14, 7}, "12-28 4 11/1/1/4, 01-04 4 0/0/0/0"},
		{20460, span{"", 1, 1}, "01-07 4 0/0/0/0"},
	} {
		if got := said(spread(slices.Clone(days), c.first, c.span)); got != c.want {
			t.Errorf("from %d on: %s, want %s", c.first, got, c.want)
		}
	}
	if got := said(spread(nil, 20450, span{"", 1, 1})); got != "12-28 NaN NaN/NaN/NaN/NaN" {
		t.Errorf("of no days: %s", got)
	}
}

// TestLoadByMinutes: the last sample of a minute counts, a rate is what was hashed since the minute before that has one, and what is
// over an hour ago is forgotten.
func TestLoadByMinutes(t *testing.T) {
	t.Parallel()
	const tenant, other = 7, 8
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var l Load
	for _, s := range []struct {
		ago    time.Duration
		hashed uint64
		queued int64
	}{
		{2 * time.Hour, 1, 1}, {60*time.Minute + 10*time.Second, 10, 2}, {59*time.Minute + 50*time.Second, 20, 3},
		{59*time.Minute + 10*time.Second, 130, 4}, {3 * time.Minute, 130, 5}, {30 * time.Second, 145, 6}, {0, 160, 0},
	} {
		sample := Sample{At: now.Add(-s.ago), Hashed: s.hashed, Queued: map[muster.ID]int64{tenant: s.queued, other: 99}}
		if s.queued == 0 {
			sample.Queued = nil
		}
		l.Add(sample)
	}
	if len(l.samples) != 6 {
		t.Errorf("%d samples are kept", len(l.samples))
	}
	wantQueued, wantHashed := unknown(loadMinutes), unknown(loadMinutes)
	wantQueued[0], wantQueued[56], wantQueued[59] = 4, 5, 0
	wantHashed[0], wantHashed[56], wantHashed[59] = 2, 0, 30.0/180
	queued, hashed := l.minutes(now, tenant)
	same := cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-9 })
	if diff := cmp.Diff(wantQueued, queued, same); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantHashed, hashed, same); diff != "" {
		t.Errorf("hashes (-want +got):\n%s", diff)
	}
	l.Add(Sample{At: now.Add(-time.Minute), Hashed: 1}) // the clock was put back
	if n := len(l.samples); n != 5 || !l.samples[n-1].At.Before(now) {
		t.Errorf("of %d samples the last is of %s", n, l.samples[n-1].At)
	}
}
