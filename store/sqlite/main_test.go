package sqlite

import (
	"context"
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
	case "as promised":
		err = acceptBetweenMarks(Options{})
	case "not synced":
		err = acceptBetweenMarks(Options{synchronous: "normal"})
	default:
		err = fmt.Errorf("no such mode: %s", mode)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// markFile is the descriptor to which the watched child writes a mark before each Accept and another one after it.
const markFile = 3

const watchedAccepts = 5

// acceptBetweenMarks is the child whose system calls are watched. It works in its working folder.
func acceptBetweenMarks(options Options) error {
	ctx := context.Background()
	f, err := newFixture(ctx, ".", options)
	if err != nil {
		return err
	}
	mark := os.NewFile(markFile, "marks")
	for range watchedAccepts {
		if _, err := mark.WriteString("request\n"); err != nil {
			return err
		}
		if _, err := f.accept(ctx, 10, 1000); err != nil {
			return err
		}
		if _, err := mark.WriteString("answer\n"); err != nil {
			return err
		}
	}
	return f.Close()
}
