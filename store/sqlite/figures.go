package sqlite

import (
	"context"
	"time"

	"muster"
)

// addToDay adds rows to a day of the tenant, and says how many users there are.
func addToDay(c *conn, tenant muster.ID, d *muster.Day) error {
	_, err := c.exec(upsertDay, int64(tenant), d.Number, d.Users, d.Succeeded, d.Failed, d.Skipped, d.Cancelled)
	return err
}

// Days gives what days brought the tenant, the earliest first: from the day of since on, or from the last one before that of
// which anything is known, which says how many users there were. Days that brought nothing are left out.
func (s *Store) Days(ctx context.Context, tenant muster.ID, since time.Time) ([]muster.Day, error) {
	var days []muster.Day
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectDays, int64(tenant), muster.DayNumber(since), 2*muster.DaysKept)
		return collect(rows, err, func(row scanner) error {
			var d muster.Day
			err := row.Scan(&d.Number, &d.Users, &d.Succeeded, &d.Failed, &d.Skipped, &d.Cancelled)
			days = append(days, d)
			return err
		})
	})
	return days, explain("read days", err)
}

// QueuedRows gives how many rows wait, for each tenant of whom any do.
func (s *Store) QueuedRows(ctx context.Context) (map[muster.ID]int64, error) {
	queued := map[muster.ID]int64{}
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectQueued)
		return collect(rows, err, func(row scanner) error {
			var tenant muster.ID
			var n int64
			err := row.Scan(&tenant, &n)
			queued[tenant] = n
			return err
		})
	})
	return queued, explain("read queues", err)
}
