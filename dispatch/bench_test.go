package dispatch

import (
	"context"
	"log/slog"
	"testing"

	"muster"
	"muster/provision"
)

// BenchmarkTurn is what a turn costs besides its work: from the end of one to the begin of the lane's next.
func BenchmarkTurn(b *testing.B) {
	for _, bench := range []struct {
		name     string
		pollOnly bool
		lanes    int
	}{{"alone", false, 1}, {"of ten lanes", false, 10}, {"polling, alone", true, 1}, {"polling, of ten lanes", true, 10}} {
		b.Run(bench.name, func(b *testing.B) {
			n := open(b, database(b), Options{Workers: 2, PollOnly: bench.pollOnly, Logger: slog.New(slog.DiscardHandler)})
			turns := make(chan struct{})
			n.run(b, provision.Duties{Turn: func(ctx context.Context, _ muster.LaneRef, _ *provision.Slice) (bool, error) {
				select {
				case turns <- struct{}{}:
				case <-ctx.Done():
				}
				return true, nil
			}})
			for i := range bench.lanes {
				n.store(b, lane(i+1))
			}
			<-turns
			for b.Loop() {
				<-turns
			}
		})
	}
}
