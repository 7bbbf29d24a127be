package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// errAnswer is an answer that is none of the contract's. To ask again would bring the same.
var errAnswer = errors.New("the server's answer is not one of the KooDrive contract")

const (
	firstPause = 200 * time.Millisecond
	maxPause   = 10 * time.Second
)

// persist repeats an attempt while trying again can help and patience lasts. With once it does so only where the server said that
// nothing was done. The last answer or error comes back.
func (c *Client) persist(ctx context.Context, once bool, attempt func() (*Response, error)) (*Response, error) {
	patience := min(c.Patience, MaxPatience)
	if patience == 0 {
		patience = DefaultPatience
	}
	deadline := time.Now().Add(patience)
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		answer, err := attempt()
		if err != nil && ctx.Err() != nil {
			return nil, fmt.Errorf("client: %w", ctx.Err())
		}
		wait, again := retryIn(answer, err, pause)
		if once && !undone(answer) {
			again = false
		}
		if !again || time.Now().Add(wait).After(deadline) {
			if err != nil {
				return nil, fmt.Errorf("client: %w", err)
			}
			return answer, nil
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("client: %w", err)
		}
	}
}

// retryIn tells whether to try again, and after how long: what the server asks for, else the pause with jitter, so that
// many clients of a server that was away don't come back at once.
func retryIn(answer *Response, err error, pause time.Duration) (time.Duration, bool) {
	jittered := pause/2 + rand.N(pause/2+1)
	if err != nil {
		return jittered, !lasting(err)
	}
	switch answer.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return max(jittered, retryAfter(answer.Header, time.Now())), true
	default:
		return 0, false
	}
}

// undone reports whether an answer says that nothing was done.
func undone(answer *Response) bool {
	return answer != nil && (answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable)
}

// lasting reports whether an error would come again however often the request is sent: an answer that makes no sense, a
// certificate that is not trusted, an address that no transport takes.
func lasting(err error) bool {
	var certificate *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var address *url.Error
	return errors.Is(err, errAnswer) ||
		errors.As(err, &certificate) || errors.As(err, &notTLS) || errors.As(err, &host) || errors.As(err, &unknown) ||
		errors.As(err, &address) && address.Op == "parse"
}

// retryAfter reads the Retry-After header (RFC 9110, section 10.2.3): seconds, or a date; 0 if there is none.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
