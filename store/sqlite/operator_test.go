package sqlite

import (
	"testing"
	"time"

	"muster"
)

// TestIDsOfOperatorsAreUsed: no id is given to an operator and then to somebody else.
func TestIDsOfOperatorsAreUsed(t *testing.T) {
	t.Parallel()
	s := open(t, blankFolder(t), Options{})
	defer closeStore(t, s)
	const id muster.ID = 1 << 50
	if err := s.CreateOperator(t.Context(), &muster.Operator{ID: id, Name: "x", Role: muster.OperatorViewer}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if floor, err := s.IDFloor(t.Context()); floor != id || err != nil {
		t.Errorf("ids begin above %s, %v", floor, err)
	}
}
