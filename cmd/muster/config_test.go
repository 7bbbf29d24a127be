package main

import (
	"net/netip"
	"testing"
	"time"
)

func TestPeriod(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		want time.Duration
		ok   bool
	}{
		"30d":    {30 * 24 * time.Hour, true},
		"0d":     {0, true},
		"90s":    {90 * time.Second, true},
		"1h30m":  {90 * time.Minute, true},
		"0s":     {0, true},
		"":       {},
		"30":     {},
		"d":      {},
		"-1d":    {},
		"-5s":    {},
		"1.5d":   {},
		"99999d": {}, // 273 years
	}
	for text, tt := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var p period
			err := p.UnmarshalText([]byte(text))
			if (err == nil) != tt.ok || time.Duration(p) != tt.want {
				t.Errorf("%q is %s, %v; want %s, ok %t", text, time.Duration(p), err, tt.want, tt.ok)
			}
		})
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"10.0.0.0/8":    "10.0.0.0/8",
		"10.1.2.3/8":    "10.0.0.0/8",
		"192.0.2.1":     "192.0.2.1/32",
		"2001:db8::1":   "2001:db8::1/128",
		"2001:db8::/32": "2001:db8::/32",
		"10.0.0.0/33":   "",
		"proxy.example": "",
		"":              "",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var n network
			err := n.UnmarshalText([]byte(text))
			switch got := netip.Prefix(n); {
			case want == "" && err == nil:
				t.Errorf("%q is %s, want an error", text, got)
			case want != "" && (err != nil || got.String() != want):
				t.Errorf("%q is %s, %v; want %s", text, got, err, want)
			}
		})
	}
}
