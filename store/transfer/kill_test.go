package transfer_test

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"muster/store/postgres"
	"muster/store/transfer"
)

// TestACopyThatIsKilledGoesOn kills the copying process (SIGKILL) at random moments, until one comes to its end.
func TestACopyThatIsKilledGoesOn(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	rows := map[string]int{"users": 9000, "outcomes": 9000}
	dir, url := fill(t, rows), server.Database(t, "")
	const surely = 5 // kills at least; afterwards the random moment may be past the end, at which every table was copied and compared
	kills, most := 0, 20
	for begun := false; ; kills++ {
		if kills >= surely {
			most = 4 * len(transfer.Tables())
		}
		reports, killed := copyAndKill(t, dir, url, r.IntN(most), time.Duration(r.Int64N(int64(10*time.Millisecond))))
		if !killed {
			break
		}
		begun = begun || reports > 0
		s, err := postgres.Open(t.Context(), url, postgres.Options{})
		if err == nil {
			must(t, s.Close())
		} else if !errors.Is(err, postgres.ErrUnfinishedCopy) {
			t.Fatal(err)
		}
		if err == nil && begun { // it was killed when all was done: this is looked at below
			break
		}
	}
	t.Logf("%d kills", kills)
	if kills < surely {
		t.Errorf("only %d copies were killed", kills)
	}
	wantServed(t, url, nil)
	wantSame(t, dir, url, rows)
}

// copyAndKill copies in a process of its own, which it kills a while after so many reports, if it has not ended by then.
func copyAndKill(t *testing.T, dir, url string, after int, while time.Duration) (reports int, killed bool) {
	t.Helper()
	var said strings.Builder
	cmd := exec.Command(os.Args[0], dir, url)
	cmd.Env = append(os.Environ(), childMode+"=1")
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	kill := time.AfterFunc(time.Hour, func() { _ = cmd.Process.Kill() }) // it fails if the process has ended
	defer kill.Stop()
	lines := bufio.NewScanner(out)
	for more := true; more; reports++ {
		if reports == after {
			kill.Reset(while)
		}
		more = lines.Scan()
	}
	reports--
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() >= 0) {
		t.Fatalf("a copy failed: %v\n%s", err, said.String())
	}
	return reports, err != nil
}
