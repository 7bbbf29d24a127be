package spreadsheet

import "context"

// Limiter bounds how many XLSX files are in memory at a time. It is shared by those who open files.
type Limiter struct{ slots chan struct{} }

// NewLimiter makes one for so many files, 1 at least. Each needs up to some 200 MB, and mostly a tenth of that.
func NewLimiter(files int) *Limiter {
	return &Limiter{make(chan struct{}, max(1, files))}
}

// acquire waits for a slot. A nil Limiter has as many as are wanted.
func (l *Limiter) acquire(ctx context.Context) error {
	if l == nil {
		return nil
	}
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Limiter) release() {
	if l != nil {
		<-l.slots
	}
}
