package muster

import "time"

// Node is one of the processes that share an installation.
type Node struct {
	Number  int       // in the ids that it makes, see [IDSource]
	Name    string    // of its machine
	Since   time.Time // when it began; zero: not known
	HeardAt time.Time // when it was heard of last
	OK      bool      // it does its work, as far as is known
}
