package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync"
	"time"

	"muster/access/signature"
)

const (
	createPath = "/koodrive/ose/v1/user/batchRegister/create"
	getPath    = "/koodrive/ose/v1/user/batchRegister/get"

	// host is what requests are signed for; see clientOf.
	host = "muster.test"

	traceHeader = "X-Traceid"
)

// request is a signed request, which may be sent any number of times.
type request struct {
	method, url string
	header      http.Header
	body        []byte
	writes      bool // what it did may have been stored though its answer says that something went wrong
}

// answer is what came back, read to its end.
type answer struct {
	status int
	body   []byte
}

// caller signs for an account and calls whatever life of the server there is.
type caller struct {
	in target

	mu      sync.Mutex
	account account
}

// signer signs with the account's present secret.
func (c *caller) signer(scheme signature.Scheme) signature.Signer {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &c.account
	return signature.Signer{Scheme: scheme, AppID: a.AppID, Secret: []byte(a.AppSecret), UserID: a.AdminUserID}
}

// renew changes the secret of what is signed from now on.
func (c *caller) renew(secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.account.AppSecret = secret
}

// sign makes a request for now.
func (c *caller) sign(scheme signature.Scheme, method, target, trace string, body []byte) (*request, error) {
	r := &request{method: method, url: "http://" + host + target, body: body, writes: method == http.MethodPost}
	signed, err := http.NewRequest(method, r.url, nil)
	if err != nil {
		return nil, err
	}
	if err := c.signer(scheme).Sign(signed, body, time.Now()); err != nil {
		return nil, err
	}
	signed.Header.Set(traceHeader, trace)
	r.header = signed.Header
	return r, nil
}

// schemes are both that a client may sign with.
func anyScheme(r *rand.Rand) signature.Scheme {
	if r.IntN(2) == 0 {
		return signature.SchemeSDK
	}
	return signature.SchemeApp
}

// send makes one attempt at a life. An error says that no answer came, and nothing of whether the request arrived.
func (l *life) send(ctx context.Context, r *request) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header = r.header.Clone()
	a, err := l.do(req)
	switch {
	case err != nil:
		l.tally.lost.Add(1)
		return nil, err
	case a.status == http.StatusServiceUnavailable:
		l.tally.later.Add(1)
	case a.status == http.StatusInternalServerError && r.writes && l.unsure:
		l.tally.unknown.Add(1)
		return nil, errUnknown
	}
	if l.secret != "" && bytes.Contains(a.body, []byte(l.secret)) {
		l.leaks.Add(1)
	}
	return a, nil
}

func (l *life) do(r *http.Request) (*answer, error) {
	got, err := l.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	return &answer{status: got.StatusCode, body: body}, err
}

// losing is send by a client that may lose the answer: at a random instant after the request was written it hangs up.
func (l *life) losing(ctx context.Context, r *request, after time.Duration) (*answer, error) {
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { time.AfterFunc(after, func() { hangUp(errHungUp) }) },
	})
	return l.send(ctx, r)
}

// errUnknown is a request of which the server does not know whether it was stored.
var errUnknown = errors.New("it is not known what became of the request")

var errHungUp = errors.New("the client hung up on purpose")

// wroteTo makes a context under which a request that was written fires the life's signal.
func wroteTo(ctx context.Context, l *life) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { l.wrote.fire() },
	})
}

// retryPause is how long a client waits with the next attempt while the life that failed it goes on.
const retryPause = 100 * time.Millisecond

// attempt calls try with a life that serves, and again with the same or the next one, until an answer came that is not
// "later". It counts the attempts that got none.
func attempt(ctx context.Context, in target, try func(*life) (*answer, error)) (a *answer, lost int, err error) {
	var l *life
	for {
		if l, err = in.serving(ctx, l); err != nil {
			return nil, lost, err
		}
		a, err := try(l)
		switch {
		case ctx.Err() != nil:
			return nil, lost, context.Cause(ctx)
		case err != nil:
			lost++
		case a.status != http.StatusServiceUnavailable:
			return a, lost, nil
		}
		pause := time.NewTimer(retryPause)
		select {
		case <-l.ended:
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// envelope is around every answer (KooDrive contract, preamble).
type envelope[T any] struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
	Data T      `json:"data"`
}

func open[T any](a *answer) (data T, err error) {
	var e envelope[T]
	if a.status != http.StatusOK {
		return data, fmt.Errorf("status %d: %.300s", a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &e); err != nil {
		return data, fmt.Errorf("read the answer: %w", err)
	}
	if e.Code != 0 {
		return data, fmt.Errorf("status 200 with code %d", e.Code)
	}
	return e.Data, nil
}

// listed is a row as the server lists it (KooDrive contract, section 2).
type listed struct {
	ID     string  `json:"id"`
	UserID string  `json:"userId"`
	Phone  string  `json:"phone"`
	Code   *string `json:"code"`
	Reason *string `json:"reason"`
}

// counts are a task's.
type counts struct {
	ID      string `json:"taskId"`
	Status  string `json:"status"`
	Total   int    `json:"totalCount"`
	Success int    `json:"successCount"`
	Fail    int    `json:"failCount"`
	Skip    int    `json:"skipCount"`
}

func (c *counts) decided() int { return c.Success + c.Fail + c.Skip }

const finished = "2"

type page struct {
	Next string   `json:"nextPageCursor"`
	Rows []listed `json:"registerList"`
	Task counts   `json:"taskInfo"`
}

// page reads a page of a task, however often the server goes away meanwhile.
func (c *caller) page(ctx context.Context, scheme signature.Scheme, task, cursor string, size int) (*page, error) {
	target := getPath + "?taskId=" + url.QueryEscape(task) + "&pageSize=" + strconv.Itoa(size)
	if cursor != "" {
		target += "&cursor=" + url.QueryEscape(cursor)
	}
	r, err := c.sign(scheme, http.MethodGet, target, "poll", nil)
	if err != nil {
		return nil, err
	}
	a, _, err := attempt(ctx, c.in, func(l *life) (*answer, error) { return l.send(ctx, r) })
	if err != nil {
		return nil, err
	}
	p, err := open[page](a)
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", task, err)
	}
	return &p, nil
}
