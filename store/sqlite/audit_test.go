package sqlite

import (
	"testing"
	"time"

	"muster"
)

// TestIDsGoOnAboveThoseOfRecords: a clock that was set back makes no record's id again.
func TestIDsGoOnAboveThoseOfRecords(t *testing.T) {
	t.Parallel()
	s := open(t, blankFolder(t), Options{})
	defer closeStore(t, s)
	ids, err := muster.NewIDSource(3, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	a, err := muster.NewAudit(ids, muster.AuditRecord{Action: "ping"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(muster.WithAudit(t.Context(), a)); err != nil {
		t.Fatal(err)
	}
	if floor, err := s.IDFloor(t.Context()); err != nil || floor != a.Record.ID {
		t.Errorf("the largest id is %s, %v, want the record's %s", floor, err, a.Record.ID)
	}
}
