package crashtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

const (
	binaryVariable = "CRASHTEST_BINARY"
	usersVariable  = "CRASHTEST_USERS"
	killsVariable  = "CRASHTEST_KILLS"

	tasksVariable          = "CRASHTEST_TASKS"
	accountsVariable       = "CRASHTEST_ACCOUNTS"
	federatedKillsVariable = "CRASHTEST_KILLS_FEDERATED"
	freezeVariable         = "CRASHTEST_FREEZE" // seconds

	rehearsedVariable      = "CRASHTEST_REHEARSED"
	rehearsedKillsVariable = "CRASHTEST_KILLS_REHEARSED"

	clusterUsersVariable    = "CRASHTEST_CLUSTER_USERS"
	clusterTasksVariable    = "CRASHTEST_CLUSTER_TASKS"
	clusterAccountsVariable = "CRASHTEST_CLUSTER_ACCOUNTS"
	nodeKillsVariable       = "CRASHTEST_NODE_KILLS"
	databaseKillsVariable   = "CRASHTEST_DATABASE_KILLS"
	failOversVariable       = "CRASHTEST_FAILOVERS"
	behindVariable          = "CRASHTEST_BEHIND" // seconds
	cutsVariable            = "CRASHTEST_CUTS"
	fillsVariable           = "CRASHTEST_FILLS"
	pauseVariable           = "CRASHTEST_PAUSE" // seconds

	seedVariable = "CRASHTEST_SEED"
	keepVariable = "CRASHTEST_KEEP"
)

func TestMain(m *testing.M) {
	code, err := withBinary(m.Run)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "crashtest:", err)
		code = 1
	}
	os.Exit(code)
}

// withBinary builds the server once for all tests, unless one to test was named.
func withBinary(run func() int) (int, error) {
	if os.Getenv(binaryVariable) != "" {
		return run(), nil
	}
	dir, err := os.MkdirTemp("", "crashtest")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "muster")
	if output, err := exec.Command("go", "build", "-o", binary, "muster/cmd/muster").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the server: %w\n%s", err, output)
	}
	if err := os.Setenv(binaryVariable, binary); err != nil {
		return 0, err
	}
	return run(), nil
}

// setting is a positive number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, want a positive number", name, text)
	}
	return n
}

// random makes independent generators of one seed, which it prints.
func random(t *testing.T) func() *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s is %q, want a number of 64 bits", seedVariable, text)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	stream := uint64(0)
	return func() *rand.Rand {
		stream++
		return rand.New(rand.NewPCG(seed, stream))
	}
}

// spread is a random duration between two, as likely to lie in one order of magnitude as in another: what a crash can
// meet takes microseconds here and tenths of a second there.
func spread(r *rand.Rand, least, most time.Duration) time.Duration {
	low, high := math.Log(float64(least)), math.Log(float64(most))
	return time.Duration(math.Exp(low + r.Float64()*(high-low)))
}
