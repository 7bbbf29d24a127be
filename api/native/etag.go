package native

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/directory"
)

// tagOf is a strong entity tag (RFC 9110, section 8.8.3): it is made of what the answer says, and of nothing else.
func tagOf(u *User) (string, error) {
	text, err := json.Marshal(u)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, nil
}

// tags are the entity tags of If-Match or If-None-Match (RFC 9110, section 13.1).
type tags struct {
	any    bool // a star: whichever there is
	strong []string
	weak   []string // without W/
}

// parseTags reads a list of entity tags; false if it is none.
func parseTags(header string) (t tags, ok bool) {
	rest := strings.Trim(header, " \t")
	if rest == "*" {
		return tags{any: true}, true
	}
	for rest != "" {
		bare, isWeak := strings.CutPrefix(rest, "W/")
		bare, opened := strings.CutPrefix(bare, `"`)
		opaque, behind, closed := strings.Cut(bare, `"`)
		if !opened || !closed || strings.ContainsFunc(opaque, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return tags{}, false
		}
		if isWeak {
			t.weak = append(t.weak, `"`+opaque+`"`)
		} else {
			t.strong = append(t.strong, `"`+opaque+`"`)
		}
		behind = strings.TrimLeft(behind, " \t")
		next, comma := strings.CutPrefix(behind, ",")
		if behind != "" && !comma {
			return tags{}, false
		}
		rest = strings.Trim(next, " \t,") // empty elements count for nothing (RFC 9110, section 5.6.1)
	}
	return t, len(t.strong)+len(t.weak) > 0
}

// match reports whether the tag is among them by the strong comparison, as If-Match wants it.
func (t *tags) match(tag string) bool {
	for _, s := range t.strong {
		if s == tag {
			return true
		}
	}
	return t.any
}

// matchWeakly is match by the weak comparison, as If-None-Match wants it.
func (t *tags) matchWeakly(tag string) bool {
	for _, w := range t.weak {
		if w == tag {
			return true
		}
	}
	return t.match(tag)
}

// errOtherState refuses a change of what has changed since the caller read it.
var errOtherState = errors.New("the user is not as If-Match says")

// ifMatch is the condition of a header If-Match; an empty one is none.
func ifMatch(header string) (directory.Condition, error) {
	if header == "" {
		return nil, nil //nolint:nilnil // nil is no condition
	}
	wanted, ok := parseTags(header)
	if !ok {
		return nil, &muster.Error{Kind: muster.KindInvalid, Field: "If-Match", Detail: `If-Match must be a star, or entity tags in quotes with commas between.`}
	}
	return func(u *muster.User) error {
		wire := userOf(u)
		tag, err := tagOf(&wire)
		switch {
		case err != nil:
			return err
		case !wanted.match(tag):
			return errOtherState
		default:
			return nil
		}
	}, nil
}

// notModified answers that the caller has what there is.
func notModified(tag string) error {
	return huma.ErrorWithHeaders(huma.Status304NotModified(), http.Header{"Etag": {tag}})
}
