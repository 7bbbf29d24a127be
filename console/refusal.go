package console

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"muster"
)

// statuses is the one place where a kind of error becomes a status.
var statuses = map[muster.Kind]int{
	muster.KindInternal:        http.StatusInternalServerError,
	muster.KindInvalid:         http.StatusUnprocessableEntity,
	muster.KindUnauthenticated: http.StatusUnauthorized,
	muster.KindForbidden:       http.StatusForbidden,
	muster.KindNotFound:        http.StatusNotFound,
	muster.KindConflict:        http.StatusConflict,
	muster.KindOverloaded:      http.StatusTooManyRequests,
	muster.KindUnavailable:     http.StatusServiceUnavailable,
}

// refusal is the error as a page says it, and its status. The cause of an internal error goes to the log alone.
func (v *visit) refusal(err error) (status int, said string) {
	var e *muster.Error
	if !errors.As(err, &e) || e.Kind == muster.KindInternal {
		v.Logger.ErrorContext(v.ctx(), "a page of the console could not be made", "route", v.route.pattern, "error", err)
		return http.StatusInternalServerError, v.T("Something went wrong on the server. Try again; if it stays so, the server's log says why.")
	}
	if e.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if e.Err != nil && e.Kind == muster.KindUnavailable {
		v.Logger.WarnContext(v.ctx(), "a page of the console was refused", "route", v.route.pattern, "error", err)
	}
	return statuses[e.Kind], v.fault(e)
}

// refuse answers with a page that says what is wrong. Who is not signed in is sent to do that, and comes back.
func (v *visit) refuse(err error) {
	if v.route.stream {
		v.refuseStream(err)
		return
	}
	if errors.Is(err, errSession) {
		to := "/sign-in"
		if v.r.Method == http.MethodGet && v.route.pattern != "GET /" && v.r.Header.Get("HX-Request") == "" {
			to += "?next=" + url.QueryEscape(v.r.URL.RequestURI()[len(Prefix):])
		}
		_ = v.redirect(v.path(to)) // it has no error
		return
	}
	status, said := v.refusal(err)
	if err := v.show(status, refusalPage(v, status, said)); err != nil {
		v.Logger.ErrorContext(v.ctx(), "a page could not be written", "error", err)
		http.Error(v.w, "internal error", http.StatusInternalServerError)
	}
}

// crossOrigin answers a form that another site sent.
func (c *console) crossOrigin(w http.ResponseWriter, r *http.Request) {
	v := &visit{console: c, w: w, r: r, route: &route{pattern: "other site"}, words: c.wordsFor(nil, r)}
	v.refuse(&muster.Error{Kind: muster.KindForbidden, Detail: "The form came from another site, and nothing was done."})
}

// faults are what is wrong with a form, by field; "" is what is wrong with no field of it.
type faults map[string]string

// faultsOf takes a refusal that the person at the form can do something about, and gives its status. Every other error is
// given back.
func (v *visit) faultsOf(err error, fields ...string) (faults, int, error) {
	var e *muster.Error
	if !errors.As(err, &e) {
		return nil, 0, err
	}
	switch e.Kind {
	case muster.KindInvalid, muster.KindConflict, muster.KindForbidden, muster.KindOverloaded, muster.KindUnauthenticated, muster.KindUnavailable:
	default:
		return nil, 0, err
	}
	status, said := v.refusal(err)
	for _, f := range fields {
		if f == e.Field {
			return faults{f: said}, status, nil
		}
	}
	return faults{"": said}, status, nil
}
