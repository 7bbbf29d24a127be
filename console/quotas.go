package console

import (
	"net/http"
	"strconv"

	"muster"
	"muster/provision"
)

func quotaRoutes() []route {
	return []route{{pattern: "GET /quotas", scope: muster.ScopeRead, page: (*visit).showQuotas}}
}

// quota is what is taken of something that a tenant has.
type quota struct {
	ID, Label, Hint string
	Taken, Of       int64
	Share           bool   // Of is no limit
	Said            string // both in words, as who does not see the bar reads it
}

// barWidth is how wide a bar is drawn, in units of its own.
const barWidth = 1000

// width is how much of the bar is filled. What is taken at all is seen.
func (q *quota) width() string {
	switch {
	case q.Taken <= 0:
		return "0"
	case q.Of <= 0 || q.Taken >= q.Of:
		return strconv.Itoa(barWidth)
	default:
		return strconv.Itoa(max(int(float64(q.Taken)/float64(q.Of)*barWidth), barWidth/200))
	}
}

// full is when a bar warns: nine tenths of a limit are taken.
func (q *quota) full() bool { return q.Of > 0 && !q.Share && q.Taken >= q.Of-q.Of/10 }

func (v *visit) showQuotas() error {
	shot, err := v.Batches.Snapshot(v.ctx(), v.tenant.ID, muster.Keys{})
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, quotasPage(v, v.quotas(&shot)))
}

func (v *visit) quotas(shot *muster.Snapshot) []quota {
	u, s := &shot.Usage, shot.Settings
	seats := quota{ID: "seats", Label: v.T("Seats"), Taken: u.Users, Of: s.UserLimit, Hint: v.T("Every user takes one, disabled or not, until he is deleted.")}
	if s.UserLimit == 0 {
		seats.Said = v.N(u.Users, "%s is taken; there is no limit", "%s are taken; there is no limit")
	} else {
		seats.Said = v.of(u.Users, s.UserLimit)
	}
	return []quota{
		seats,
		{
			ID: "space", Label: v.T("Personal space in GB"), Taken: u.CapacityGB, Of: s.PersonalSpaceGB, Said: v.of(u.CapacityGB, s.PersonalSpaceGB),
			Hint: v.T("What users' capacities are taken from."),
		},
		{
			ID: "admins", Label: v.T("System administrators"), Taken: u.SystemAdmins, Of: u.Users, Share: true,
			Said: v.T("%s of %s users", v.number(u.SystemAdmins), v.number(u.Users)),
			Hint: v.T("Those who are enabled. The last one cannot be disabled, demoted or deleted."),
		},
		{
			ID: "rows", Label: v.T("Rows that wait"), Taken: u.QueuedRows, Of: provision.MaxQueuedRows, Said: v.of(u.QueuedRows, provision.MaxQueuedRows),
			Hint: v.T("Accepted and without outcome. Batches with which there would be more are refused until some are done."),
		},
	}
}

// of says how much of something is taken.
func (v *visit) of(taken, all int64) string {
	if all == 0 {
		return v.T("%s of %s", v.number(taken), v.number(all))
	}
	return v.T("%s of %s (%s %%)", v.number(taken), v.number(all), strconv.FormatFloat(float64(taken)/float64(all)*100, 'f', 1, 64))
}
