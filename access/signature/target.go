package signature

import (
	"cmp"
	"slices"
	"strings"
)

// Target is a request target that was found well-formed.
type Target struct {
	Path  string // canonical: every segment in its shortest RFC 3986 encoding, always ending in "/"
	Query Query
}

// Param is one parameter of a query, decoded. A parameter sent without "=" has the value "".
type Param struct {
	Name, Value string
}

// Query holds a query's parameters sorted by name, then value, as they are signed.
type Query []Param

// Single returns the value of the parameter that may occur once, and whether it is there. Where it occurs more than
// once the error is an *Error with status 400, as the contract wants for every parameter that an endpoint knows.
func (q Query) Single(name string) (value string, ok bool, err error) {
	for _, p := range q {
		if p.Name != name {
			continue
		}
		if ok {
			return "", false, malformed("%s occurs more than once in the query; send it once.", name)
		}
		value, ok = p.Value, true
	}
	return value, ok, nil
}

// encode gives the canonical query: RFC 3986, joined in order, "name=" for an empty value.
func (q Query) encode() string {
	var b []byte
	for i, p := range q {
		if i > 0 {
			b = append(b, '&')
		}
		b = appendEscaped(b, p.Name)
		b = append(b, '=')
		b = appendEscaped(b, p.Value)
	}
	return string(b)
}

// ParseTarget checks a request target as it was received (http.Request.RequestURI), before any routing or decoding,
// and takes it apart once. Refused with an *Error of status 400 are (contract section 4): an empty segment, "." and
// ".." also where encoded, %2F, %5C, %00, a bad escape; and besides these, a target that doesn't begin with "/", raw
// backslashes in the path, raw control characters, spaces and "#", empty parameters, and more than MaxTarget bytes. A
// "+" is a plus. One slash at the end is no empty segment: signing adds one anyway. Raw bytes from 0x80 on count as
// their escapes, so that a client that doesn't escape them still has one canonical form.
func ParseTarget(target string) (Target, error) {
	if len(target) > MaxTarget {
		return Target{}, malformed("The request target is longer than %d bytes.", MaxTarget)
	}
	if !strings.HasPrefix(target, "/") {
		return Target{}, malformed("The request target must begin with a slash.")
	}
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c == 0x7f || c == '#' {
			return Target{}, malformed("The request target holds a space, a control character or a '#'; percent-encode it.")
		}
	}
	rawPath, rawQuery, _ := strings.Cut(target, "?")
	path, err := canonicalPath(rawPath)
	if err != nil {
		return Target{}, err
	}
	query, err := parseQuery(rawQuery)
	if err != nil {
		return Target{}, err
	}
	return Target{Path: path, Query: query}, nil
}

// canonicalPath takes a path that begins with "/".
func canonicalPath(raw string) (string, error) {
	if raw == "/" {
		return raw, nil
	}
	out := make([]byte, 0, len(raw)+16)
	for segment := range strings.SplitSeq(strings.TrimSuffix(raw[1:], "/"), "/") {
		decoded, err := unescape(segment)
		switch {
		case err != nil:
			return "", err
		case decoded == "":
			return "", malformed("The path has an empty segment (two slashes in a row).")
		case decoded == "." || decoded == "..":
			return "", malformed("The path has a dot segment; send the path resolved.")
		case strings.ContainsAny(decoded, `/\`):
			return "", malformed("The path has a slash or a backslash within a segment.")
		}
		out = append(out, '/')
		out = appendEscaped(out, decoded)
	}
	return string(append(out, '/')), nil
}

func parseQuery(raw string) (Query, error) {
	if raw == "" {
		return nil, nil
	}
	query := make(Query, 0, 1+strings.Count(raw, "&"))
	for pair := range strings.SplitSeq(raw, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := unescape(rawName)
		if err != nil {
			return nil, err
		}
		value, err := unescape(rawValue)
		if err != nil {
			return nil, err
		}
		if name == "" {
			return nil, malformed("The query has a parameter without a name.")
		}
		query = append(query, Param{Name: name, Value: value})
	}
	slices.SortFunc(query, func(a, b Param) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
	return query, nil
}

// unescape decodes percent escapes and nothing else.
func unescape(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			out = append(out, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", malformed("The request target has a bad percent escape.")
		}
		high, okHigh := fromHex(s[i+1])
		low, okLow := fromHex(s[i+2])
		if !okHigh || !okLow {
			return "", malformed("The request target has a bad percent escape.")
		}
		c := high<<4 | low
		if c == 0 {
			return "", malformed("The request target has a %%00.")
		}
		out = append(out, c)
		i += 2
	}
	return string(out), nil
}

func fromHex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// appendEscaped escapes all but the unreserved characters of RFC 3986 section 2.3, with upper-case digits.
func appendEscaped(dst []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~' {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
