package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"muster/client"
)

// shares profiles a server that provisions users without passwords, and tells which parts of its processor time go where.
func shares(ctx context.Context, b *bench) error {
	return b.newServers(ctx, func(at place, s *server, c *client.Client) error {
		profile := filepath.Join(b.dir, "cpu.pprof")
		fetched := make(chan error, 1)
		go func() { fetched <- s.profile(ctx, profile, b.profiled) }()
		users := 0
		for began := time.Now(); time.Since(began) < b.profiled+time.Second; users += 20 * batchSize {
			if _, _, err := provision(ctx, c, people(20*batchSize, even, nil), b.clients); err != nil {
				return err
			}
		}
		if err := <-fetched; err != nil {
			return err
		}
		stacks, err := traces(ctx, b.binary, profile)
		if err != nil {
			return err
		}
		tell(at, stacks)
		if b.flame == "" || at.String() != "SQLite" {
			return nil
		}
		return os.WriteFile(b.flame, []byte(drawFlames(stacks)), 0o644) //nolint:gosec // a picture for everybody
	})
}

// profile has the server tell on what it spends its time.
func (s *server) profile(ctx context.Context, file string, duration time.Duration) error {
	address := "http://" + s.profiles + "/debug/pprof/profile?seconds=" + strconv.Itoa(int(duration.Seconds()))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the profile was answered with %s", answer.Status)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, answer.Body)
	return errors.Join(err, f.Close())
}

// stack is functions, the outermost first, and how long they were seen.
type stack struct {
	frames []string
	time   time.Duration
}

// traces reads a profile by go tool pprof: blocks of lines, the first one with a time, the innermost function first.
func traces(ctx context.Context, binary, profile string) ([]stack, error) {
	out, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-traces", binary, profile).Output() //nolint:gosec // both are ours
	if err != nil {
		return nil, fmt.Errorf("go tool pprof: %w", err)
	}
	var stacks []stack
	for block := range strings.SplitSeq(string(out), "-----------+-------------------------------------------------------\n") {
		var s stack
		for line := range strings.Lines(block) {
			fields := strings.Fields(strings.ReplaceAll(line, " (inline)", ""))
			if len(fields) == 2 && s.time == 0 {
				s.time, _ = time.ParseDuration(fields[0])
				fields = fields[1:]
			}
			if len(fields) == 1 && s.time > 0 {
				s.frames = append([]string{fields[0]}, s.frames...)
			}
		}
		if s.time > 0 {
			stacks = append(stacks, s)
		}
	}
	if stacks == nil {
		return nil, errors.New("the profile is empty")
	}
	return stacks, nil
}

// parts are told apart by the outermost function whose name begins like one of these.
var parts = []struct {
	name     string
	prefixes []string
}{
	{"signature check", []string{"muster/access"}},
	{"JSON decoding", []string{"muster/api/koodrive.(*handler).decode", "encoding/json", "github.com/go-json-experiment/json", "muster/api/strictjson"}},
	{"sealing and opening", []string{"muster/secret", "muster/provision.sealRows", "muster/provision.openRows", "muster/provision.sealKept"}},
	{"normalising", []string{"muster/mapping"}},
	{"planning", []string{"muster.Plan", "muster.KeysOf"}},
	{"the store", []string{"muster/store", "modernc.org/sqlite", "github.com/jackc/pgx"}},
	{"dispatch", []string{"muster/dispatch", "github.com/riverqueue"}},
	{"garbage collection", []string{"runtime.gcBgMarkWorker", "runtime.bgsweep", "runtime.bgscavenge"}},
}

func partOf(s *stack) string {
	for _, frame := range s.frames {
		for _, p := range parts {
			for _, prefix := range p.prefixes {
				if strings.HasPrefix(frame, prefix) {
					return p.name
				}
			}
		}
	}
	return "other"
}

func tell(at place, stacks []stack) {
	var all time.Duration
	by := map[string]time.Duration{}
	for i := range stacks {
		all += stacks[i].time
		by[partOf(&stacks[i])] += stacks[i].time
	}
	var told []string
	for _, p := range parts {
		if by[p.name] > 0 {
			told = append(told, fmt.Sprintf("%s %.1f %%", p.name, 100*by[p.name].Seconds()/all.Seconds()))
		}
	}
	told = append(told, fmt.Sprintf("other (HTTP, scheduler, system) %.1f %%", 100*by["other"].Seconds()/all.Seconds()))
	fmt.Printf("   %-10s  of the server's processor time: %s\n", at, strings.Join(told, ", "))
}
