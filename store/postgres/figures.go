package postgres

import (
	"context"
	"strings"
	"time"

	"muster"
)

// addToDay queues what adds rows to a day of the tenant, and says how many users there are.
func (t *tx) addToDay(tenant muster.ID, d *muster.Day) {
	t.exec(upsertDay, tenant, d.Number, d.Users, d.Succeeded, d.Failed, d.Skipped, d.Cancelled)
}

// Days gives what days brought the tenant, the earliest first: from the day of since on, or from the last one before that of
// which anything is known, which says how many users there were. Days that brought nothing are left out.
func (s *Store) Days(ctx context.Context, tenant muster.ID, since time.Time) ([]muster.Day, error) {
	var days []muster.Day
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			var d muster.Day
			err := row.Scan(&d.Number, &d.Users, &d.Succeeded, &d.Failed, &d.Skipped, &d.Cancelled)
			days = append(days, d)
			return err
		}, selectDays, tenant, muster.DayNumber(since), 2*muster.DaysKept)
		return nil
	})
	return days, explain("read days", err)
}

// QueuedRows gives how many rows wait, for each tenant of whom any do.
func (s *Store) QueuedRows(ctx context.Context) (map[muster.ID]int64, error) {
	queued := map[muster.ID]int64{}
	err := s.read(ctx, func(t *tx) error {
		t.queued(queued)
		return nil
	})
	return queued, explain("read queues", err)
}

// queued queues a look-up of how many rows wait of each tenant of whom any do.
func (t *tx) queued(into map[muster.ID]int64) {
	t.rows(func(row scanner) error {
		var tenant muster.ID
		var n int64
		err := row.Scan(&tenant, &n)
		into[tenant] = n
		return err
	}, selectQueued)
}

// Nodes gives the processes that have a number, by numbers, and those that were killed and of which was heard within a day. One
// is in order until nothing was heard of it for a minute. Times are the database's.
func (s *Store) Nodes(ctx context.Context) ([]muster.Node, error) {
	var nodes []muster.Node
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			var n muster.Node
			err := row.Scan(&n.Number, &n.Name, &n.Since, &n.HeardAt, &n.OK)
			if at := strings.LastIndexByte(n.Name, '-'); at >= 0 {
				n.Name = n.Name[:at] // without what makes the owner unique
			}
			nodes = append(nodes, n)
			return err
		}, selectNumbers, reserveFor.Microseconds())
		return nil
	})
	return nodes, explain("read nodes", err)
}
