package sqlite

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childMode, in the environment, makes the test's own program the process that a test kills or watches.
const childMode = "MUSTER_SQLITE_TEST_CHILD"

func TestMain(m *testing.M) {
	var err error
	switch mode := os.Getenv(childMode); mode {
	case "":
		goleak.VerifyTestMain(m)
		return
	case "accept":
		err = acceptUntilKilled()
	case "full", "normal":
		err = acceptBetweenMarks(mode)
	default:
		err = fmt.Errorf("no such mode: %s", mode)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
