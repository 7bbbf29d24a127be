package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"muster/client"
)

// bench has the binary, and a folder for everything that is measured.
type bench struct {
	options
	on     []string // where
	flame  string   // file for the flame graph; "": none
	dir    string
	binary string
	pg     *databases // nil until it is needed

	each costs // of the last server, for each user
}

func newBench(ctx context.Context, o options) (*bench, error) {
	dir, err := os.MkdirTemp("", "muster-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, dir: dir, binary: filepath.Join(dir, "muster")}
	build := exec.CommandContext(ctx, "go", "build", "-o", b.binary, "./cmd/muster") //nolint:gosec // the path is ours
	build.Stderr = os.Stderr
	return b, build.Run()
}

func (b *bench) close() (err error) {
	if b.pg != nil {
		err = b.pg.close()
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}

// shared gives the one PostgreSQL server, which is started when it is first asked for.
func (b *bench) shared(ctx context.Context) (_ *databases, err error) {
	if b.pg == nil {
		b.pg, err = b.databases(ctx)
	}
	return b.pg, err
}

// server is a child process, on a data folder of its own or a database.
type server struct {
	b        *bench
	data     string   // folder of its own
	database string   // name of its database; "": it has none
	where    []string // the flags that name the installation
	url      string
	profiles string // address
	process  *exec.Cmd
	install  installation
}

type installation struct {
	TenantID         string `json:"tenantId"`
	RootDepartmentID string `json:"rootDepartmentId"`
	AdminUserID      string `json:"adminUserId"`
	AppID            string `json:"appId"`
	AppSecret        string `json:"appSecret"`
}

// newServers has f use a new server in every place, and a client of it.
func (b *bench) newServers(ctx context.Context, f func(at place, s *server, c *client.Client) error) error {
	return b.everywhere(ctx, func(at place) error {
		return b.onServer(ctx, at, func(s *server) error {
			c, err := s.client(s.install)
			if err != nil {
				return err
			}
			return f(at, s, c)
		})
	})
}

// onServer has f use a server on a new installation, of which nothing is left then.
func (b *bench) onServer(ctx context.Context, at place, f func(s *server) error) (err error) {
	s, err := at.install(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if s.process != nil {
			s.stop()
		}
		err = errors.Join(err, at.remove(ctx, s))
	}()
	if err := s.start(ctx); err != nil {
		return err
	}
	return f(s)
}

func (s *server) init(ctx context.Context) error {
	return s.b.command(ctx, &s.install, append([]string{"init"}, s.where...)...)
}

func (s *server) start(ctx context.Context) error {
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	s.url = "http://" + address
	if s.profiles, err = freeAddress(ctx); err != nil {
		return err
	}
	log, err := os.Create(s.data + ".log")
	if err != nil {
		return err
	}
	s.process = exec.CommandContext(ctx, s.b.binary, //nolint:gosec // the binary is ours
		append([]string{"serve", "--listen", address, "--profile-listen", s.profiles, "--log-level", "warn"}, s.where...)...)
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		return err
	}
	return s.ready(ctx)
}

func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// command runs the binary and reads the JSON that it prints.
func (b *bench) command(ctx context.Context, answer any, args ...string) error {
	c := exec.CommandContext(ctx, b.binary, append(args, "--output", "json")...) //nolint:gosec // the binary is ours
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("muster %s: %w", args[0], err)
	}
	return json.Unmarshal(out, answer)
}

func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

func (s *server) stop() {
	_ = s.process.Process.Signal(os.Interrupt)
	_ = s.process.Wait()
}

func (s *server) client(i installation) (*client.Client, error) {
	return client.New(s.url, client.Credentials{AppID: i.AppID, Secret: i.AppSecret, UserID: i.AdminUserID})
}

// tenant makes another tenant with an administrator and a credential.
func (s *server) tenant(ctx context.Context, name string) (installation, error) {
	var made installation
	if err := s.b.command(ctx, &made, append([]string{"tenant", "create", name}, s.where...)...); err != nil {
		return made, err
	}
	admin := made.AdminUserID
	err := s.b.command(ctx, &made, append([]string{"credential", "create", "--tenant", name}, s.where...)...)
	made.AdminUserID = admin
	return made, err
}

// metric reads one of the server's.
func (s *server) metric(ctx context.Context, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), name+" "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("the server has no metric %s", name)
}

// memory is the largest resident size that the server has had, in MB.
func (s *server) memory() float64 {
	f, err := os.Open("/proc/" + strconv.Itoa(s.process.Process.Pid) + "/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), "VmHWM:"); found {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kb / 1000
		}
	}
	return 0
}

// parity tells users apart that are made by different calls: one's phones are even, the other's odd.
type parity uint64

const (
	even parity = iota
	odd
)

// people makes n users with random phones, none twice. The keys' order is random, which is how people come, and what
// an index suffers from.
func people(n int, kind parity, password func(i int) string) []client.User {
	users := make([]client.User, n)
	taken := make(map[uint64]bool, n)
	for i := range users {
		phone := 10_000_000_000 + 2*rand.Uint64N(40_000_000_000) + uint64(kind)
		for taken[phone] {
			phone = 10_000_000_000 + 2*rand.Uint64N(40_000_000_000) + uint64(kind)
		}
		taken[phone] = true
		users[i] = client.User{
			FirstName: "Given" + strconv.Itoa(i), Surname: "Family" + strconv.Itoa(i%1000),
			Phone: "+" + strconv.FormatUint(phone, 10), Email: strconv.FormatUint(rand.Uint64(), 36) + "@example.org",
		}
		if password != nil {
			users[i].Password = password(i)
		}
	}
	return users
}
