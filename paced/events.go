package paced

import (
	"net/http"
	"strings"
)

// Events is an answer of server-sent events (WHATWG HTML, section 9.2), each of which leaves at once.
type Events struct{ of *Connection }

// Flushes reports whether what is written can be made to leave at once, which [http.ResponseController] knows only once it flushes.
func (c *Connection) Flushes() bool {
	w := c.w
	for {
		switch t := w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// Events begins the answer, whose connection Flushes.
func (c *Connection) Events() *Events {
	c.Unbound()
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events back
	c.w.WriteHeader(http.StatusOK)
	return &Events{c}
}

// Send sends an event. One whose name is "" is a message.
func (e *Events) Send(name, data string) error {
	var b strings.Builder
	if name != "" {
		b.WriteString("event: " + name + "\n")
	}
	for line := range strings.Lines(data) {
		b.WriteString("data: " + strings.TrimRight(line, "\r\n") + "\n")
	}
	b.WriteString("\n")
	return e.write(b.String())
}

// Beat sends nothing that anybody is told, but shows proxies that the stream lives.
func (e *Events) Beat() error { return e.write(": \n\n") }

func (e *Events) write(text string) error {
	e.of.Bound()
	if _, err := e.of.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.of.control.Flush()
}
