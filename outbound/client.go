// Package outbound makes HTTP clients for addresses that others chose: those of tenants' identity systems and of webhooks. What
// such an address leads to is judged when it is dialled, after its name was resolved.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"time"
)

const (
	maxHeader = 16 << 10
	idleTime  = 30 * time.Second // of a connection kept for the next call
)

// Options of a client.
type Options struct {
	Policy  Policy
	Roots   *x509.CertPool // verify servers; nil is the system's
	Timeout time.Duration  // of connecting, and of the TLS handshake; the whole of a call is its context's
	PerHost int            // most connections kept to a host
	Kept    int            // most connections kept in all
}

// NewClient makes a client that follows no redirect, uses no proxy, verifies TLS, and refuses with [ErrAddress], once a
// name is resolved and before it connects, every address that the policy does not let through. A connection that it keeps may
// serve whoever uses the client, so those for whom another policy holds have another one.
func NewClient(o Options) *http.Client {
	dialer := &net.Dialer{Timeout: o.Timeout, Control: o.Policy.control}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    o.Timeout,
			MaxIdleConnsPerHost:    o.PerHost,
			MaxIdleConns:           o.Kept,
			IdleConnTimeout:        idleTime,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // so that a small answer is a small one
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Trouble says what sort of failure a call met, without what it met it with: no URL, address or answer.
func Trouble(err error) error {
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.As(err, &certificate):
		return errors.New("its certificate cannot be verified")
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return errors.New("it did not answer in time")
	default:
		return errors.New("it cannot be reached, or broke the connection off")
	}
}
