package password

import (
	"testing"
	"testing/synctest"
)

// TestPoolVerifiesLargeHashesOneAtATime holds the bound on memory: however many sign in with a large imported hash, one
// of these is in memory, and the others keep nobody waiting who asks for less.
func TestPoolVerifiesLargeHashesOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool, err := NewPool(Hasher{}, 8)
		if err != nil {
			t.Fatal(err)
		}
		gate := make(chan struct{})
		large, most, ended := 0, 0, 0
		for range 4 {
			err := pool.enqueue(&task{
				ctx: t.Context(), class: Interactive, large: true,
				work: func() {
					large++
					most = max(most, large)
					<-gate
					large--
				},
				end: func(error) { ended++ },
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		small := 0
		for range 5 {
			err := pool.enqueue(&task{ctx: t.Context(), class: Interactive, work: func() { small++ }, end: func(error) {}})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if small != 5 || large != 1 {
			t.Errorf("%d small and %d large began, want 5 and 1", small, large)
		}
		closed := make(chan struct{})
		go func() { pool.Close(); close(closed) }()
		synctest.Wait()
		for range 4 {
			gate <- struct{}{}
		}
		<-closed
		if most != 1 || ended != 4 {
			t.Errorf("%d large at a time, %d ended", most, ended)
		}
	})
}
