package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Problem is a refusal by Muster's own API (RFC 9457).
type Problem struct {
	Status     int             `json:"status"` // of HTTP
	Title      string          `json:"title"`
	Detail     string          `json:"detail"` // for a person
	Errors     []ProblemDetail `json:"errors"` // where it is, if it is in some places
	TraceID    string          `json:"-"`      // names the call in the server's log; "" if the server said none
	RetryAfter time.Duration   `json:"-"`      // how long the server asks to wait; 0 if it does not
}

// ProblemDetail is one thing that is wrong.
type ProblemDetail struct {
	Message  string `json:"message"`
	Location string `json:"location"` // such as body.rows[3].phone, match, or column C
	Value    any    `json:"value"`    // what is there, such as a column's name; nil if the server does not repeat it
}

func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString("the server refused: " + strings.TrimSuffix(p.Detail, "."))
	for _, e := range p.Errors {
		if !strings.Contains(p.Detail, e.Message) {
			b.WriteString("; " + e.Location + ": " + strings.TrimSuffix(e.Message, "."))
		}
	}
	_, _ = fmt.Fprintf(&b, " (HTTP %d", p.Status)
	if p.TraceID != "" {
		b.WriteString(", trace " + p.TraceID)
	}
	b.WriteString(")")
	return b.String()
}

// problemOf reads a refusal.
func problemOf(status int, header http.Header, body []byte) error {
	p := &Problem{}
	if json.Unmarshal(body, p) != nil || p.Detail == "" { // a proxy's answer, say
		p = &Problem{Title: http.StatusText(status), Detail: http.StatusText(status)}
	}
	p.Status, p.TraceID, p.RetryAfter = status, header.Get("X-Traceid"), retryAfter(header, time.Now())
	return fmt.Errorf("client: %w", p)
}

// refusedWith reports whether an error is a refusal with one of the statuses.
func refusedWith(err error, statuses ...int) bool {
	var p *Problem
	if !errors.As(err, &p) {
		return false
	}
	for _, status := range statuses {
		if p.Status == status {
			return true
		}
	}
	return false
}
