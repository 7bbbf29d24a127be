package signature

import (
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		raw, path, query string
	}{
		{"/", "/", ""},
		{"/?", "/", ""},
		{"/a", "/a/", ""},
		{"/a/", "/a/", ""},
		{"/a/b?", "/a/b/", ""},
		{"/%61%2d%5F%7e%2E%2e%2e", "/a-_~.../", ""},
		{"/...", "/.../", ""},
		{"/.well-known", "/.well-known/", ""},
		{"/a:b@c!$&'()*+,;=", "/a%3Ab%40c%21%24%26%27%28%29%2A%2B%2C%3B%3D/", ""},
		{"/%e5%bc%a0", "/%E5%BC%A0/", ""},
		{"/张", "/%E5%BC%A0/", ""},
		{"/%252e%252e/%252F", "/%252e%252e/%252F/", ""},
		{"/%0a", "/%0A/", ""},
		{"/a?b", "/a/", "b="},
		{"/a?b=", "/a/", "b="},
		{"/a?b==c", "/a/", "b=%3Dc"},
		{"/a?b=1?2/3", "/a/", "b=1%3F2%2F3"},
		{"/a?b=x+y&c=%20", "/a/", "b=x%2By&c=%20"},
		{"/a?b=%2f%5c..", "/a/", "b=%2F%5C.."},
		{"/a?b=1;c=2", "/a/", "b=1%3Bc%3D2"},
		{"/a?张=%e5%BC%a0", "/a/", "%E5%BC%A0=%E5%BC%A0"},
		// Sorted by name, then value, as they are before encoding.
		{"/a?b=2&a=2&b=1&a-=0&a=10&B=9", "/a/", "B=9&a=10&a=2&a-=0&b=1&b=2"},
		{"/a?~=1&z=1&张=1&%7B=1", "/a/", "z=1&%7B=1&~=1&%E5%BC%A0=1"},
	} {
		got, err := ParseTarget(tc.raw)
		if err != nil {
			t.Errorf("%q: %v", tc.raw, err)
			continue
		}
		if got.Path != tc.path || got.Query.encode() != tc.query {
			t.Errorf("%q: got %q and %q, want %q and %q", tc.raw, got.Path, got.Query.encode(), tc.path, tc.query)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		says string
		raw  []string
	}{
		{"begin with a slash", []string{"", "a", "*", "?a=b", "http://a.test/b", "a.test:443"}},
		{"empty segment", []string{"//", "//a", "/a//", "/a//b", "///", "//a?b=c"}},
		{"dot segment", []string{"/.", "/..", "/./", "/../a", "/a/.", "/a/..", "/a/./b", "/a/../b",
			"/%2e", "/%2E", "/%2e%2E", "/.%2e/a", "/a/%2E.", "/a/%2e/b"}},
		{"slash or a backslash", []string{"/a%2fb", "/a%2Fb", "/%2F", "/a%5cb", "/a%5Cb", `/a\b`, "/a%2F..%2fb", "/..%2f", "/..%5C"}},
		{"%00", []string{"/a%00", "/%00/b", "/a?b=%00", "/a?%00=b"}},
		{"bad percent escape", []string{"/%", "/a%", "/a%2", "/a%zz", "/a%2g/b", "/a%%32", "/%u0041", "/a?b=%", "/a?%4=b", "/a?b=%xx"}},
		{"percent-encode it", []string{"/a b", "/a\tb", "/a\nb", "/a?b=\x00", "/a\x7f", "/a#b", "/a?b#c"}},
		{"without a name", []string{"/a?=b", "/a?&", "/a?b=c&", "/a?&b=c", "/a?b=c&&d=e", "/a?="}},
		{"longer than 8192", []string{"/" + strings.Repeat("a", MaxTarget)}},
	} {
		for _, raw := range tc.raw {
			if got, err := ParseTarget(raw); !isStatus(err, 400) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%.40q: got %v and error %v, want status 400 and a text with %q", raw, got, err, tc.says)
			}
		}
	}
	if _, err := ParseTarget("/" + strings.Repeat("a", MaxTarget-1)); err != nil {
		t.Errorf("target of exactly the limit: %v", err)
	}
}

func TestSingle(t *testing.T) {
	t.Parallel()
	target, err := ParseTarget("/a?taskId=1&cursor=&x=1&x=2&TaskId=3")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, value string
		ok          bool
	}{{"taskId", "1", true}, {"cursor", "", true}, {"TaskId", "3", true}, {"pageSize", "", false}} {
		if value, ok, err := target.Query.Single(tc.name); value != tc.value || ok != tc.ok || err != nil {
			t.Errorf("%s: got %q, %v, %v, want %q, %v", tc.name, value, ok, err, tc.value, tc.ok)
		}
	}
	if value, ok, err := target.Query.Single("x"); value != "" || ok || !isStatus(err, 400) || !strings.HasPrefix(err.Error(), "x occurs") {
		t.Errorf("x: got %q, %v, %v, want status 400", value, ok, err)
	}
}
