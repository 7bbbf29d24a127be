package provision

import (
	"context"
	"testing"
	"time"

	"muster"
)

// recordingStore takes down which chunks are applied together.
type recordingStore struct {
	Store
	settings *muster.TenantSettings
	together [][]int
}

func (s *recordingStore) Apply(_ context.Context, _ muster.ID, chunks []muster.Chunk, _ muster.Keys, decide Decide) error {
	var rows []int
	live := make([]bool, len(chunks))
	for i := range chunks {
		rows, live[i] = append(rows, chunks[i].FirstRow), true
	}
	s.together = append(s.together, rows)
	_, err := decide(muster.Snapshot{Settings: s.settings}, live)
	return err
}

// What was looked at before is not given up for what was not: the two are never applied together, however long they
// stand ready beside each other. If they were, a turn could end where it began, and so could the next.
func TestRunsLookedAtAreAppliedApart(t *testing.T) {
	t.Parallel()
	tenant := &muster.Tenant{ID: 1}
	store := &recordingStore{settings: &tenant.Settings}
	e := &Engine{Config: Config{Store: store, Now: time.Now}, metrics: newMetrics()}
	ready := make(chan *run, 4)
	for i, unguessed := range []bool{false, false, true, true} {
		id := muster.ID(i + 1)
		ready <- &run{
			tenant: tenant, unguessed: unguessed,
			chunks:  []chunk{{Work: Work{Chunk: muster.Chunk{Tenant: 1, FirstRow: i, Rows: 1}}, rows: make([]muster.Row, 1), keys: &dataKeys{}}},
			entries: []muster.Entry{{Action: muster.ActionCreate, Actor: muster.LevelSystemAdmin, NewID: id}},
		}
	}
	close(ready)
	if err := e.applyAll(t.Context(), ready); err != nil {
		t.Fatal(err)
	}
	if len(store.together) != 2 || len(store.together[0]) != 2 || len(store.together[1]) != 2 {
		t.Errorf("applied together: %v, want the first two rows, then the other two", store.together)
	}
}
