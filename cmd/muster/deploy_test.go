package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

var deployed = filepath.Join("..", "..", "deploy")

func readDeployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployed, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// parse reads a command line as the binary does, and does nothing. Asking for help is right as well.
func parse(args ...string) (*cli, error) {
	var c cli
	helped := false
	_, err := newParser(&c, stdio{Out: io.Discard, Err: io.Discard}, func(int) { helped = true }).Parse(args)
	if helped {
		err = nil
	}
	return &c, err
}

// TestWhatIsDeployedIsKnown: the files in deploy name no variable, command or flag that the binary does not have.
func TestWhatIsDeployedIsKnown(t *testing.T) {
	t.Parallel()
	parser := newParser(new(cli), stdio{Out: io.Discard, Err: io.Discard}, nil)
	variables, commands := []string{secretVariable}, []string{}
	if err := kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		switch n := node.(type) {
		case *kong.Flag:
			variables = append(variables, n.Envs...)
		case *kong.Command:
			commands = append(commands, n.Name)
		}
		return next(nil)
	}); err != nil {
		t.Fatal(err)
	}
	called := 0
	err := filepath.WalkDir(deployed, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, name := range regexp.MustCompile(`MUSTER_[A-Z_]+`).FindAllString(string(text), -1) {
			if !slices.Contains(variables, name) {
				t.Errorf("%s: no flag is set by %s", path, name)
			}
		}
		for _, line := range regexp.MustCompile("(?m)\\bmuster ([a-z][^\n`#\\\\]*)").FindAllStringSubmatch(strings.ReplaceAll(string(text), "--namespace muster", ""), -1) {
			args := strings.Fields(line[1])
			if !slices.Contains(commands, args[0]) {
				continue
			}
			called++
			if _, err := parse(args...); err != nil {
				t.Errorf("%s: muster %s: %v", path, line[1], err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if called < 5 {
		t.Errorf("the test saw %d commands", called)
	}
}

// decode reads the documents of a YAML file.
func decode[T any](t *testing.T, name string) []T {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewBufferString(readDeployed(t, name)))
	var all []T
	for {
		var document T
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, document)
	}
}

// compose is what the tests look at in compose.yaml.
type compose struct {
	Services map[string]struct {
		Image       string
		Command     []string
		Environment map[string]string
		Volumes     []string
	}
	Volumes map[string]any
}

// manifest is what they look at in a Kubernetes object.
type manifest struct {
	Kind string
	Spec struct {
		Replicas       int
		MaxUnavailable int `yaml:"maxUnavailable"`
		Template       struct {
			Spec struct {
				Containers []struct {
					Args []string
					Env  []struct {
						Name, Value string
						ValueFrom   any `yaml:"valueFrom"`
					}
					Ports []struct {
						Name          string
						ContainerPort int `yaml:"containerPort"`
					}
				}
			}
		}
	}
}

// settingsOf gives the settings with which each of the deployments serves.
func settingsOf(t *testing.T) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{"systemd": {}, "docker": {}, "kubernetes": {}}
	assignment := regexp.MustCompile(`(MUSTER_[A-Z_]+)=(\S+)`)
	lines := func(name, prefix string) map[string]string {
		found := map[string]string{}
		for line := range strings.Lines(readDeployed(t, name)) {
			if strings.HasPrefix(line, prefix) {
				for _, pair := range assignment.FindAllStringSubmatch(line, -1) {
					found[pair[1]] = pair[2]
				}
			}
		}
		return found
	}
	all["systemd"] = lines("muster.service", "Environment=")
	all["docker"] = lines("Dockerfile", "ENV ")
	for name, service := range decode[compose](t, "compose.yaml")[0].Services {
		if service.Image == "muster" {
			all["compose "+name] = service.Environment
		}
	}
	for _, m := range decode[manifest](t, filepath.Join("kubernetes", "muster.yaml")) {
		for _, container := range m.Spec.Template.Spec.Containers {
			for _, variable := range container.Env {
				if variable.ValueFrom != nil {
					variable.Value = "postgres://muster:secret@database:5432/muster?sslmode=verify-full"
				}
				all["kubernetes"][variable.Name] = variable.Value
			}
		}
	}
	return all
}

// TestWhatIsDeployedServes: with the settings of each deployment the server starts as far as it can without their database.
func TestWhatIsDeployedServes(t *testing.T) {
	for name, settings := range settingsOf(t) {
		t.Run(name, func(t *testing.T) {
			for variable, value := range settings {
				t.Setenv(variable, strings.ReplaceAll(value, "${DATABASE_PASSWORD:?}", "secret"))
			}
			c, err := parse("serve")
			if err != nil {
				t.Fatal(err)
			}
			o, err := c.Serve.options(quiet())
			if err != nil {
				t.Fatal(err)
			}
			shared := strings.HasPrefix(name, "compose") || name == "kubernetes"
			if shared != (o.database != nil) || shared && o.masterKey != "/keys/master.key" || !strings.HasSuffix(o.listen, ":8080") {
				t.Errorf("it serves on %s with the key %q, from a database: %t", o.listen, o.masterKey, o.database != nil)
			}
		})
	}
}

func TestDeployedContainersCallWhatThereIs(t *testing.T) {
	t.Parallel()
	seen := 0
	check := func(name string, args []string) {
		t.Helper()
		if len(args) == 0 {
			return // the image's own
		}
		seen++
		if _, err := parse(args...); err != nil {
			t.Errorf("%s: %q: %v", name, args, err)
		}
	}
	c := decode[compose](t, "compose.yaml")[0]
	nodes := 0
	for name, service := range c.Services {
		if service.Image == "muster" {
			check(name, service.Command)
			if len(service.Command) == 0 {
				nodes++
			}
		}
		for _, volume := range service.Volumes {
			from, _, _ := strings.Cut(volume, ":")
			_, declared := c.Volumes[from]
			if file, isFile := strings.CutPrefix(from, "./"); isFile {
				readDeployed(t, file)
			} else if !declared {
				t.Errorf("%s: volume %s is not declared", name, from)
			}
		}
	}
	budget, replicas := 0, 0
	for _, m := range decode[manifest](t, filepath.Join("kubernetes", "muster.yaml")) {
		replicas += m.Spec.Replicas
		if m.Kind == "PodDisruptionBudget" {
			budget = m.Spec.MaxUnavailable
		}
		for _, container := range m.Spec.Template.Spec.Containers {
			check("kubernetes", container.Args)
		}
	}
	if nodes != 2 || replicas != 2 || budget != 1 || seen != 2 {
		t.Errorf("there are %d nodes with compose and %d in Kubernetes, of which %d may be away, and %d commands", nodes, replicas, budget, seen)
	}
	if command := regexp.MustCompile(`(?m)^CMD \["(\w+)"\]`).FindStringSubmatch(readDeployed(t, "Dockerfile")); command == nil {
		t.Error("the image has no command")
	} else if _, err := parse(command[1]); err != nil {
		t.Error(err)
	}
}
