package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificates serves a certificate from two files and reads them again when they change.
type certificates struct {
	certFile, keyFile string
	logger            *slog.Logger
	now               func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	read    [2]fileState // of the files when current was read, or last found unusable
	checked time.Time
}

// fileState tells a file from what it was; a renewal that keeps all of it keeps the file.
type fileState struct {
	modified time.Time
	size     int64
}

// checkEvery bounds how often a handshake looks at the files.
const checkEvery = time.Second

func loadCertificates(certFile, keyFile string, logger *slog.Logger, now func() time.Time) (*certificates, error) {
	c := &certificates{certFile: certFile, keyFile: keyFile, logger: logger, now: now}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// load reads the files. A certificate in use stays so if they are no good.
func (c *certificates) load() error {
	c.checked = c.now()
	state, err := c.state()
	if err != nil {
		return fmt.Errorf("TLS certificate: %w", err)
	}
	c.read = state
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("TLS certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current = &pair
	return nil
}

func (c *certificates) state() (state [2]fileState, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return state, err
		}
		state[i] = fileState{modified: info.ModTime(), size: info.Size()}
	}
	return state, nil
}

// reload reads the files now: the answer to SIGHUP.
func (c *certificates) reload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(); err != nil {
		c.logger.Error("the TLS certificate was not changed", "error", err)
		return
	}
	c.logger.Info("the TLS certificate was read again", "notAfter", c.current.Leaf.NotAfter)
}

// get is for [tls.Config.GetCertificate].
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.checked) >= checkEvery {
		c.checked = now
		if state, err := c.state(); err == nil && state != c.read {
			// A renewal replaces two files, one after the other: between them they don't match, and the next look
			// finds the second one changed.
			if err := c.load(); err != nil {
				c.logger.Warn("the TLS certificate was not changed", "error", err)
			} else {
				c.logger.Info("the TLS certificate changed", "notAfter", c.current.Leaf.NotAfter)
			}
		}
	}
	return c.current, nil
}
