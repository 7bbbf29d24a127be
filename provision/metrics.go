package provision

import (
	"github.com/prometheus/client_golang/prometheus"

	"muster"
)

// metrics are the engine's figures. None has a label per tenant: there may be thousands.
type metrics struct {
	batches  prometheus.Counter
	accepted prometheus.Counter
	rows     *prometheus.CounterVec
	planned  *prometheus.CounterVec
	turns    *prometheus.CounterVec
	running  prometheus.Gauge
	applies  prometheus.Histogram
	splits   prometheus.Counter
	purged   prometheus.Counter
}

func newMetrics() metrics {
	return metrics{
		batches: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "muster_batches_accepted_total", Help: "Batches accepted, replays not counted.",
		}),
		accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "muster_rows_accepted_total", Help: "Rows of accepted batches.",
		}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_rows_decided_total", Help: "Rows that got their outcome, by result and reason.",
		}, []string{"result", "reason"}),
		planned: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_rows_rehearsed_total", Help: "Rows planned without effect, by mode: dry-run, or check before a dry run is committed.",
		}, []string{"mode"}),
		turns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_turns_total", Help: "Turns of lanes, by how they ended: done, wait for an identity system that has yet to answer, or fault for a fault that will be tried again.",
		}, []string{"end"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "muster_turns_running", Help: "Lanes that have their turn now.",
		}),
		applies: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "muster_apply_seconds", Help: "Time of an Apply, waiting for its transaction included.",
			Buckets: []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10},
		}),
		splits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "muster_chunk_splits_total", Help: "Chunks split to isolate a row that cannot be processed.",
		}),
		purged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "muster_purge_steps_total", Help: "Steps of purging that found something to forget.",
		}),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{m.batches, m.accepted, m.rows, m.planned, m.turns, m.running, m.applies, m.splits, m.purged} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

func (m *metrics) decided(mode muster.Mode, c *ChunkWrites) {
	if mode.Predicts() {
		m.planned.WithLabelValues(mode.String()).Add(float64(c.Chunk.Rows))
		return
	}
	type kind struct {
		result muster.Result
		reason muster.Reason
	}
	counts := map[kind]int{}
	for i := range c.Outcomes {
		counts[kind{c.Outcomes[i].Result, c.Outcomes[i].Reason}]++
	}
	for k, n := range counts {
		m.rows.WithLabelValues(k.result.String(), k.reason.String()).Add(float64(n))
	}
}
