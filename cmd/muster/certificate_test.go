package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// pki writes certificates for localhost into two files, one after the other, as a renewal does.
type pki struct {
	t                 *testing.T
	certFile, keyFile string
	issued            int64
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	dir := t.TempDir()
	return &pki{t: t, certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem")}
}

// issue makes the next certificate, whose serial number counts up, and returns what writes its two files.
func (p *pki) issue() (writeCert, writeKey func()) {
	p.t.Helper()
	p.issued++
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(p.issued),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		p.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	// Files of one second may have the same time: the number makes them differ in size too.
	comment := make([]byte, p.issued)
	for i := range comment {
		comment[i] = '\n'
	}
	write := func(name, kind string, der []byte) func() {
		text := append(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), comment...)
		return func() {
			p.t.Helper()
			if err := os.WriteFile(name, text, 0o600); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	return write(p.certFile, "CERTIFICATE", der), write(p.keyFile, "PRIVATE KEY", keyDER)
}

// handClock is a clock that the test sets.
type handClock struct{ elapsed atomic.Int64 }

func (c *handClock) now() time.Time { return time.Unix(1e9, c.elapsed.Load()) }

func (c *handClock) pass(d time.Duration) { c.elapsed.Add(int64(d)) }

// serial makes a handshake and returns the number of the certificate that was shown.
func serial(t *testing.T, c *certificates) int64 {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	server := tls.Server(there, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get})
	done := make(chan error, 1)
	go func() { done <- server.HandshakeContext(context.WithoutCancel(t.Context())) }()
	client := tls.Client(here, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: "localhost", InsecureSkipVerify: true})
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return client.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestARenewedCertificateIsUsed(t *testing.T) {
	t.Parallel()
	p, clock := newPKI(t), &handClock{}
	renew := func(parts ...func()) {
		for _, part := range parts {
			part()
		}
	}
	cert, key := p.issue()
	renew(cert, key)
	c, err := loadCertificates(p.certFile, p.keyFile, slog.New(slog.DiscardHandler), clock.now)
	if err != nil {
		t.Fatal(err)
	}
	want := func(number int64, when string) {
		t.Helper()
		if got := serial(t, c); got != number {
			t.Errorf("%s: certificate %d, want %d", when, got, number)
		}
	}
	want(1, "at first")

	cert, key = p.issue()
	renew(cert, key)
	want(1, "right after the renewal")
	clock.pass(checkEvery)
	want(2, "a second later")

	cert, key = p.issue()
	renew(cert)
	clock.pass(checkEvery)
	want(2, "between the two files of a renewal")
	renew(key)
	clock.pass(checkEvery)
	want(3, "after both")

	if err := os.Remove(p.certFile); err != nil {
		t.Fatal(err)
	}
	clock.pass(checkEvery)
	want(3, "while the file is gone")
	c.reload()
	want(3, "after SIGHUP while the file is gone")

	cert, key = p.issue()
	renew(cert, key)
	c.reload()
	want(4, "after SIGHUP")
}

func TestACertificateMustBeThereToBegin(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	if _, err := loadCertificates(p.certFile, p.keyFile, slog.New(slog.DiscardHandler), time.Now); err == nil {
		t.Error("no error without files")
	}
	cert, _ := p.issue()
	_, key := p.issue()
	cert()
	key()
	if _, err := loadCertificates(p.certFile, p.keyFile, slog.New(slog.DiscardHandler), time.Now); err == nil {
		t.Error("no error for a key of another certificate")
	}
}
