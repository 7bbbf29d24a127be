package muster_test

import (
	"testing"
	"time"

	"muster"
)

func TestDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"1970-01-01T00:00:00Z": 0, "1970-01-01T23:59:59.999Z": 0, "1970-01-02T00:00:00Z": 1, "1970-01-02T00:30:00+01:00": 0,
		"1969-12-31T23:59:59.999Z": -1, "1969-12-31T00:00:00Z": -1, "1969-12-30T23:59:59Z": -2, "2026-01-02T03:04:05Z": 20455,
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		d := muster.Day{Number: muster.DayNumber(at)}
		if d.Number != want {
			t.Errorf("%s is of day %d, want %d", text, d.Number, want)
		}
		if began := d.Began(); at.Before(began) || !at.Before(began.AddDate(0, 0, 1)) || began.Location() != time.UTC {
			t.Errorf("%s is of the day that began %s", text, began)
		}
	}
	var d muster.Day
	for r, n := range map[muster.Result]int{muster.Succeeded: 4, muster.Failed: 3, muster.Skipped: 2, muster.Cancelled: 1, 0: 5} {
		for range n {
			d.Count(r)
		}
	}
	if want := (muster.Day{Succeeded: 4, Failed: 3, Skipped: 2, Cancelled: 1}); d != want || d.Rows() != 10 {
		t.Errorf("counted %+v, %d rows", d, d.Rows())
	}
}
