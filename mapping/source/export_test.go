package source

// Parse is for tests.
var Parse = parse

// Running is the number of calls that run.
func (f *Fetcher[T]) Running() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running
}

// Idle reports whether no call runs.
func (f *Fetcher[T]) Idle() bool { return f.Running() == 0 }
