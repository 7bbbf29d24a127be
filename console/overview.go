package console

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"muster"
	"muster/provision"
)

func overviewRoutes() []route {
	return []route{
		{pattern: "GET /", scope: muster.ScopeRead, page: (*visit).overview},
		{pattern: "GET /overview/now/{tenant}", scope: muster.ScopeRead, background: true, page: (*visit).overviewNow},
	}
}

// overviewBatches is how many batches the overview lists.
const overviewBatches = 20

// overviewFacts are what the overview shows.
type overviewFacts struct {
	Now        overviewLoad
	Span       span
	History    []chart
	Unfinished []muster.Batch // the newest, at most overviewBatches
	More       bool           // there are others
	Health     []Health
	Nodes      []muster.Node // for operators of the installation alone
}

// overviewLoad is what changes while somebody looks.
type overviewLoad struct {
	Usage  muster.Usage
	Charts []chart
}

// span is for how long charts go back.
type span struct {
	Name  string // in the query
	Days  int
	Every int // days that one column is of
}

// spans are what there is to choose from, the first of which is shown unless another is asked for.
func spans() []span { return []span{{"30", 30, 1}, {"90", 90, 1}, {"364", 364, 7}} }

// span is what a span is called.
func (v *visit) span(s span) string {
	if s.Every > 1 {
		return v.N(int64(s.Days/s.Every), "%s week", "%s weeks")
	}
	return v.N(int64(s.Days), "%s day", "%s days")
}

// healthy reports whether all is in order.
func (f *overviewFacts) healthy() bool {
	return !slices.ContainsFunc(f.Health, func(h Health) bool { return !h.OK })
}

func (v *visit) overview() error {
	f := overviewFacts{Span: spans()[0], Health: v.Health(v.r)}
	for _, s := range spans() {
		if v.r.URL.Query().Get("days") == s.Name {
			f.Span = s
		}
	}
	var err error
	if f.Now, err = v.load(); err != nil {
		return err
	}
	if f.History, err = v.history(f.Span); err != nil {
		return err
	}
	f.Unfinished, err = v.Batches.Batches(v.ctx(), v.tenant.ID, provision.BatchQuery{Unfinished: true, Limit: overviewBatches + 1})
	if err != nil {
		return err
	}
	if len(f.Unfinished) > overviewBatches {
		f.Unfinished, f.More = f.Unfinished[:overviewBatches], true
	}
	if v.ofInstallation() {
		if f.Nodes, err = v.Nodes(v.ctx()); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, overviewPage(v, f))
}

// overviewNow is the part of the page that is asked for again and again. A window that shows another tenant than the one
// chosen meanwhile begins anew.
func (v *visit) overviewNow() error {
	if v.r.PathValue("tenant") != v.tenant.ID.String() {
		return v.goTo("/", "")
	}
	now, err := v.load()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, overviewNowPart(v, now))
}

// load is what the tenant has, and what waits of it. How much a server hashes is of all tenants together.
func (v *visit) load() (overviewLoad, error) {
	shot, err := v.Batches.Snapshot(v.ctx(), v.tenant.ID, muster.Keys{})
	if err != nil {
		return overviewLoad{}, err
	}
	queued, hashed := v.Load.minutes(v.Now(), v.tenant.ID)
	ago := make([]string, loadMinutes)
	for i := range ago {
		ago[i] = strconv.Itoa(loadMinutes - 1 - i)
	}
	across := v.T("Minutes ago")
	charts := []chart{{
		ID: "queue", Title: v.T("Rows that wait"), Across: across, Up: v.T("Rows"), Columns: ago, Ticks: ago,
		Series: []series{{v.T("Rows that wait"), "s1", queued}},
	}}
	if v.ofInstallation() {
		charts = append(charts, chart{
			ID: "hashing", Title: v.T("Passwords hashed by this server"), Across: across, Up: v.T("Passwords a second"),
			Columns: ago, Ticks: ago, Fraction: true, Series: []series{{v.T("Passwords a second"), "s2", hashed}},
		})
	}
	return overviewLoad{Usage: shot.Usage, Charts: charts}, nil
}

// history is how many users there were, and what became of rows. Of what was before the first day on record nothing is known.
func (v *visit) history(s span) ([]chart, error) {
	today := muster.DayNumber(v.Now())
	first := today - int64(s.Days) + 1
	days, err := v.Batches.Days(v.ctx(), v.tenant.ID, (&muster.Day{Number: first}).Began())
	if err != nil {
		return nil, err
	}
	columns := spread(days, first, s)
	over, outcomes, across := v.T("Users, by day"), v.T("Outcomes of rows, by day"), v.T("Day (UTC)")
	if s.Every > 1 {
		over, outcomes, across = v.T("Users, by week"), v.T("Outcomes of rows, by week"), v.T("Week from (UTC)")
	}
	names, ticks := make([]string, len(columns.began)), make([]string, len(columns.began))
	for i, began := range columns.began {
		names[i], ticks[i] = began.Format(time.DateOnly), began.Format("01-02")
	}
	return []chart{
		{
			ID: "users", Title: over, Across: across, Up: v.T("Users"), Columns: names, Ticks: ticks,
			Series: []series{{v.T("Users"), "s1", columns.users}},
		},
		{
			ID: "outcomes", Title: outcomes, Across: across, Up: v.T("Rows"), Columns: names, Ticks: ticks, Bars: true,
			Series: []series{
				{v.T("Succeeded"), "s2", columns.succeeded}, {v.T("Failed"), "s3", columns.failed},
				{v.T("Skipped"), "s4", columns.skipped}, {v.T("Cancelled"), "s5", columns.cancelled},
			},
		},
	}, nil
}

// columns are days, or weeks, with what they brought.
type columns struct {
	began                                        []time.Time
	users, succeeded, failed, skipped, cancelled []float64
}

// spread fills the days between those on record: users stay as many as there were.
func spread(days []muster.Day, first int64, s span) columns {
	n := s.Days / s.Every
	c := columns{
		began: make([]time.Time, n), users: unknown(n), succeeded: unknown(n), failed: unknown(n), skipped: unknown(n), cancelled: unknown(n),
	}
	users := math.NaN()
	for len(days) > 0 && days[0].Number < first {
		users, days = float64(days[0].Users), days[1:]
	}
	for i := range n {
		begin := first + int64(i*s.Every)
		c.began[i] = (&muster.Day{Number: begin}).Began()
		var sum muster.Day
		for len(days) > 0 && days[0].Number < begin+int64(s.Every) {
			d := &days[0]
			users = float64(d.Users)
			sum.Succeeded, sum.Failed = sum.Succeeded+d.Succeeded, sum.Failed+d.Failed
			sum.Skipped, sum.Cancelled = sum.Skipped+d.Skipped, sum.Cancelled+d.Cancelled
			days = days[1:]
		}
		if c.users[i] = users; math.IsNaN(users) {
			continue
		}
		c.succeeded[i], c.failed[i] = float64(sum.Succeeded), float64(sum.Failed)
		c.skipped[i], c.cancelled[i] = float64(sum.Skipped), float64(sum.Cancelled)
	}
	return c
}
