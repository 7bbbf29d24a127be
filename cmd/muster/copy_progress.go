package main

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"muster/store/transfer"
)

// copyBar shows a person how far a copy is: a bar for each of its steps. Where nobody looks, it shows nothing.
type copyBar struct {
	bars  *mpb.Progress // nil where nobody looks
	bar   *mpb.Bar      // of the step; nil before the first
	step  transfer.Step
	table atomic.Pointer[string]
	last  time.Time // of the last report
}

func newCopyBar(ctx context.Context, w io.Writer) *copyBar {
	if !isTerminal(w) {
		return &copyBar{}
	}
	const width = 80
	return &copyBar{bars: mpb.NewWithContext(ctx, mpb.WithOutput(w), mpb.WithWidth(width)), last: time.Now()}
}

func (b *copyBar) report(p transfer.Progress) {
	if b.bars == nil {
		return
	}
	b.table.Store(&p.Table)
	if b.step != p.Step {
		b.step, b.bar = p.Step, b.add(p.Step, p.Total)
	}
	now := time.Now()
	b.bar.EwmaSetCurrent(p.Rows, now.Sub(b.last))
	b.last = now
}

func (b *copyBar) add(step transfer.Step, total int64) *mpb.Bar {
	const nameWidth, recent = len("checking federation_profiles"), 30
	name := decor.Any(func(decor.Statistics) string { return step.String() + " " + *b.table.Load() }, decor.WC{W: nameWidth, C: decor.DindentRight})
	return b.bars.AddBar(total,
		mpb.PrependDecorators(decor.OnComplete(name, step.String()+": all is done")),
		mpb.AppendDecorators(decor.Percentage(decor.WCSyncSpace), decor.OnComplete(decor.EwmaETA(decor.ET_STYLE_GO, recent, decor.WCSyncSpace), "")))
}

// done has the bars stand as they are.
func (b *copyBar) done() {
	if b.bars == nil {
		return
	}
	if b.bar != nil {
		b.bar.Abort(false) // does nothing to one that is full
	}
	b.bars.Wait()
}
