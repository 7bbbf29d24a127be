package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is a refusal by the server.
type Error struct {
	Status     int           // of HTTP
	Code       int           // of the contract (KooDrive contract, section 6); 0 if the answer has none
	Message    string        // for a person, in the client's Language
	TraceID    string        // names the call in the server's log; "" if the server said none
	RetryAfter time.Duration // how long the server asks to wait; 0 if it does not
}

func (e *Error) Error() string {
	text := fmt.Sprintf("the server refused: %s (HTTP %d", strings.TrimSuffix(e.Message, "."), e.Status)
	if e.Code != 0 && e.Code != e.Status {
		text += fmt.Sprintf(", code %d", e.Code)
	}
	if e.TraceID != "" {
		text += ", trace " + e.TraceID
	}
	return text + ")"
}

// code is a code of the contract: its tables say String, its examples show integers.
type code int

func (c *code) UnmarshalJSON(text []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(text), `"`))
	if err != nil {
		return fmt.Errorf("code: want an integer, or one in quotes")
	}
	*c = code(n)
	return nil
}

// envelope is the outermost object of every answer (KooDrive contract, preamble).
type envelope struct {
	Code *code           `json:"code"`
	Msg  string          `json:"msg"`
	Data json.RawMessage `json:"data"`
}

// open gives the data of a successful answer, and an *Error for a refusal.
func open(r *Response, data any) error {
	var e envelope
	err := json.Unmarshal(r.Body, &e)
	if r.Status == http.StatusOK && err == nil && e.Code != nil && *e.Code == 0 {
		if err := json.Unmarshal(e.Data, data); err != nil {
			return fmt.Errorf("client: %w: %w", errAnswer, err)
		}
		return nil
	}
	if r.Status == http.StatusOK && (err != nil || e.Code == nil) {
		return fmt.Errorf("client: %w: HTTP 200 without a code", errAnswer)
	}
	refusal := &Error{Status: r.Status, Message: e.Msg, TraceID: r.TraceID, RetryAfter: retryAfter(r.Header, time.Now())}
	if e.Code != nil {
		refusal.Code = int(*e.Code)
	}
	if refusal.Message == "" { // a proxy's answer, say
		refusal.Message = http.StatusText(r.Status)
	}
	return fmt.Errorf("client: %w", refusal)
}
