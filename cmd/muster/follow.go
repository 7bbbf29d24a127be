package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"muster"
	"muster/api/native"
)

// The events of a batch (api/native): its state when something has changed, and when nothing will any more.
const (
	eventProgress = "progress"
	eventFinished = "finished"
)

// A stream of events that breaks is asked for again, after a pause that grows from the first to the last. A server that
// restarts is back by then.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 10 * time.Second
	maxBreaks  = 12 // in a row, without an event between
)

// follow watches a batch, whose path is given, to its end, and shows how far it is.
func (c *nativeClient) follow(ctx context.Context, batch string, show func(*native.Batch)) (*native.Batch, error) {
	var last *native.Batch
	pause, breaks := firstPause, 0
	for {
		finished := false
		err := c.events(ctx, batch+"/events", func(name string, data []byte) error {
			if name != eventProgress && name != eventFinished {
				return nil
			}
			var b native.Batch
			if err := json.Unmarshal(data, &b); err != nil {
				return fmt.Errorf("read an event: %w", err)
			}
			pause, breaks, last, finished = firstPause, 0, &b, name == eventFinished
			show(last)
			return nil
		})
		switch breaks++; {
		case finished:
			return last, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && exitCode(err) != exitUnavailable:
			return nil, err
		case breaks > maxBreaks && err == nil:
			return nil, unavailable{errors.New("the server ends each stream of the batch's events before the batch is finished")}
		case breaks > maxBreaks:
			return nil, err
		}
		if err := wait(ctx, pause); err != nil {
			return nil, err
		}
		pause = min(2*pause, lastPause)
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// maxEvent bounds a line of an event stream, in bytes.
const maxEvent = 1 << 20

// events calls each for every event of a stream (HTML Standard, section 9.2), until it ends or each fails.
func (c *nativeClient) events(ctx context.Context, path string, each func(name string, data []byte) error) error {
	answer, err := c.send(ctx, http.MethodGet, path, http.Header{"Accept": {"text/event-stream"}}, requestBody{})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, maxEvent)
	name, data := "", []byte(nil)
	for lines.Scan() {
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(lines.Bytes()) == 0 && data != nil:
			if err := each(name, data); err != nil {
				return err
			}
			name, data = "", nil
		case string(field) == "event":
			name = string(value)
		case string(field) == "data":
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, value...)
		}
	}
	if err := lines.Err(); err != nil {
		return unavailable{fmt.Errorf("read the batch's events: %w", err)}
	}
	return nil
}

// progress shows a person how far a batch is: a bar on a terminal, elsewhere a line each time a tenth is done.
type progress struct {
	out  io.Writer
	bars *mpb.Progress // nil where it is no terminal
	bar  *mpb.Bar
	text atomic.Pointer[[2]string] // what stands before and behind the bar

	phase string
	tenth int
	from  int       // rows that were done when the phase was first seen
	since time.Time // when that was
}

func newProgress(ctx context.Context, out io.Writer) *progress {
	p := &progress{out: out}
	if isTerminal(out) {
		const width = 80
		p.bars = mpb.NewWithContext(ctx, mpb.WithOutput(out), mpb.WithWidth(width))
	}
	return p
}

// phaseOf says what is done with a batch's rows, and with how many it was done.
func phaseOf(b *native.Batch) (phase string, done int) {
	done = b.Succeeded + b.Failed + b.Skipped + b.Cancelled
	switch {
	case b.Mode == muster.ModeCheck.String():
		return "checking", b.Checked
	case b.Mode == muster.ModeDryRun.String():
		return "rehearsing", done
	case b.Mode == muster.ModeRun.String():
		return "provisioning", done
	default:
		return "cancelling", done
	}
}

func (p *progress) show(b *native.Batch) {
	phase, done := phaseOf(b)
	now := time.Now()
	if phase != p.phase {
		p.phase, p.from, p.since, p.tenth = phase, done, now, -1
		if p.bars != nil {
			p.next(int64(b.Total))
		}
	}
	speed := rate(done-p.from, now.Sub(p.since))
	var behind []string
	if speed > 0 && done < b.Total {
		behind = append(behind, fmt.Sprintf("%.0f rows/s", speed))
	}
	if b.Remaining != nil && done < b.Total {
		behind = append(behind, (time.Duration(*b.Remaining)*time.Second).String()+" left")
	}
	if p.bars != nil {
		p.text.Store(&[2]string{phase, strings.Join(behind, ", ")})
		p.bar.SetCurrent(int64(done))
		return
	}
	const tenths = 10
	if tenth := done * tenths / max(b.Total, 1); tenth > p.tenth {
		p.tenth = tenth
		line := append([]string{fmt.Sprintf("%s: %d of %d rows", phase, done, b.Total)}, behind...)
		_, _ = fmt.Fprintln(p.out, strings.Join(line, ", "))
	}
}

// rate is how many rows were done in a second; 0 where that cannot be told.
func rate(rows int, in time.Duration) float64 {
	if rows <= 0 || in <= 0 {
		return 0
	}
	return float64(rows) / in.Seconds()
}

// next begins the bar of another phase.
func (p *progress) next(total int64) {
	if p.bar != nil {
		p.bar.Abort(false) // does nothing to one that is full
	}
	p.text.Store(&[2]string{p.phase, ""})
	name := p.phase
	part := func(i int) func(decor.Statistics) string {
		return func(decor.Statistics) string { return (*p.text.Load())[i] }
	}
	p.bar = p.bars.AddBar(total,
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return name }, decor.WC{W: len("provisioning "), C: decor.DindentRight})),
		mpb.AppendDecorators(decor.Percentage(decor.WCSyncSpace), decor.OnComplete(decor.Any(part(1), decor.WCSyncSpace), "")))
}

// done has the bars stand as they are.
func (p *progress) done() {
	if p.bars == nil {
		return
	}
	if p.bar != nil {
		p.bar.Abort(false)
	}
	p.bars.Wait()
}
