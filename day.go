package muster

import "time"

// DaysKept is for how many days it is kept what each of them brought a tenant.
const DaysKept = 400

// Day is what a day, in UTC, brought a tenant. Rows are those that got their outcome on it, those of dry runs not counted.
type Day struct {
	Number    int64 // see DayNumber
	Users     int64 // seats taken at its end, or so far
	Succeeded int64 // rows
	Failed    int64 // rows
	Skipped   int64 // rows
	Cancelled int64 // rows
}

// DayNumber counts days, in UTC, from 1970-01-01 on, which is 0.
func DayNumber(t time.Time) int64 {
	s := t.Unix()
	n := s / secondsOfDay
	if s%secondsOfDay < 0 {
		n--
	}
	return n
}

const secondsOfDay = 24 * 60 * 60

// Began is the day's first moment.
func (d *Day) Began() time.Time { return time.Unix(d.Number*secondsOfDay, 0).UTC() }

// Rows is how many got their outcome.
func (d *Day) Rows() int64 { return d.Succeeded + d.Failed + d.Skipped + d.Cancelled }

// Count counts a row's outcome.
func (d *Day) Count(r Result) {
	switch r {
	case Succeeded:
		d.Succeeded++
	case Failed:
		d.Failed++
	case Skipped:
		d.Skipped++
	case Cancelled:
		d.Cancelled++
	}
}
