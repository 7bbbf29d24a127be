// Package paced lets requests and answers over HTTP take as long as they need, as long as they come and go at a pace: files of users
// are larger than a server's bounds on a whole request are meant for.
package paced

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	// Grace and Rate say how long is waited for a body: its first bytes have Grace, which is prolonged by a second for each Rate
	// bytes. Only the time counts in which nothing is there to be read.
	Grace = time.Minute
	Rate  = 64 << 10

	// answerTime bounds writing an answer, or a piece of one that comes in pieces.
	answerTime = time.Minute
)

// What ends a body before its time.
var (
	ErrTooLarge = errors.New("the body is larger than is accepted")
	ErrTooSlow  = errors.New("the body comes too slowly")
)

// Connection is a request's. Where it has no deadlines, as within a process, nothing is bounded.
type Connection struct {
	w       http.ResponseWriter
	request *http.Request
	control *http.ResponseController
}

// New takes what a handler was called with.
func New(w http.ResponseWriter, r *http.Request) *Connection {
	return &Connection{w, r, http.NewResponseController(w)}
}

// Unbound lifts the server's bounds on how long reading the request and answering it may take together.
func (c *Connection) Unbound() {
	_ = c.control.SetReadDeadline(time.Time{})
	_ = c.control.SetWriteDeadline(time.Time{})
}

// Bound gives what is written next a bound of its own.
func (c *Connection) Bound() { _ = c.control.SetWriteDeadline(time.Now().Add(answerTime)) }

// Body is the request's, of at most limit bytes, as long as it comes at a pace. Reading it gives the errors of the body, and
// ErrTooLarge and ErrTooSlow. The answer to it wants Bound.
func (c *Connection) Body(limit int64) (io.Reader, error) {
	if c.request.ContentLength > limit {
		return nil, ErrTooLarge
	}
	c.Unbound()
	return &body{of: c, left: limit}, nil
}

type body struct {
	of     *Connection
	left   int64
	read   int64
	waited time.Duration
}

func (b *body) Read(p []byte) (int, error) {
	start := time.Now()
	patience := Grace + time.Duration(b.read/Rate)*time.Second - b.waited
	_ = b.of.control.SetReadDeadline(start.Add(patience))
	n, err := b.of.request.Body.Read(p[:min(int64(len(p)), b.left+1)])
	b.waited += time.Since(start)
	b.read += int64(n)
	switch b.left -= int64(n); {
	case b.left < 0:
		return 0, ErrTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, ErrTooSlow
	case err != nil && !errors.Is(err, io.EOF) && b.of.request.Context().Err() != nil:
		return n, b.of.request.Context().Err()
	default:
		return n, err
	}
}

// Writer bounds how long each piece of an answer may take.
type Writer struct {
	Err error // that ended the connection

	w  io.Writer
	of *Connection
}

// Writer lifts the bounds of the whole answer, of which w takes the pieces.
func (c *Connection) Writer(w io.Writer) *Writer {
	c.Unbound()
	return &Writer{w: w, of: c}
}

func (w *Writer) Write(p []byte) (n int, err error) {
	w.of.Bound()
	n, w.Err = w.w.Write(p)
	return n, w.Err
}
