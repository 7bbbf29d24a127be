package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// settings are flags from a file: a flat TOML table, keyed by the flags' names.
type settings map[string]any

// readConfig is the loader of the file that --config names.
func readConfig(r io.Reader) (kong.Resolver, error) {
	s := settings{}
	if _, err := toml.NewDecoder(r).Decode(&s); err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	return s, nil
}

// Validate refuses names that are no flag of any command, so that a typing mistake is not a setting silently ignored.
func (s settings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && configurable(flag) {
			known[flag.Name] = true
		}
		return next(nil)
	})
	if err != nil {
		return err
	}
	for name := range s {
		if !known[name] {
			return fmt.Errorf("configuration file: %q is not the name of a setting", name)
		}
	}
	return nil
}

// Resolve gives the file's value of a flag, unless the environment has one, which goes before it.
func (s settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, there := s[flag.Name]
	if !there || !configurable(flag) {
		return nil, nil //nolint:nilnil // kong: nil is "not here"
	}
	if slices.ContainsFunc(flag.Envs, func(name string) bool { _, set := os.LookupEnv(name); return set }) {
		return nil, nil //nolint:nilnil // as above
	}
	return value, nil
}

// configurable flags are those that have an environment variable. The others speak of one call alone.
func configurable(flag *kong.Flag) bool { return len(flag.Envs) > 0 }

// period is a duration that can also be given in days, such as 30d.
type period time.Duration

func (p *period) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a number of days such as 30d", text)
		}
		*p = period(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration such as 30d, 12h or 90s", text)
	}
	*p = period(d)
	return nil
}

// network is a range of addresses: 10.0.0.0/8, or one address.
type network netip.Prefix

func (n *network) UnmarshalText(text []byte) error {
	if addr, err := netip.ParseAddr(string(text)); err == nil {
		*n = network(netip.PrefixFrom(addr, addr.BitLen()))
		return nil
	}
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is neither an IP address nor a range such as 10.0.0.0/8", text)
	}
	*n = network(prefix.Masked())
	return nil
}
