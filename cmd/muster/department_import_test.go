package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"muster/directory"
)

func TestPathsAreReadLineByLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", directory.MaxPath)
	for name, c := range map[string]struct {
		text    string
		paths   []string
		numbers []int
	}{
		"nothing":                  {"", nil, nil},
		"blank lines":              {"\n  \n\t\r\n", nil, nil},
		"no line end at the last":  {"a\nb", []string{"a", "b"}, []int{1, 2}},
		"blanks between":           {"\n a \n\n\tb/c\t\n", []string{"a", "b/c"}, []int{2, 4}},
		"what a spreadsheet adds":  {"\ufeffa\r\nb\r\n", []string{"a", "b"}, []int{1, 2}},
		"a mark elsewhere":         {"a\n\ufeffb", []string{"a", "\ufeffb"}, []int{1, 2}},
		"as long as may be":        {long + "\na", []string{long, "a"}, []int{1, 2}},
		"spaces around it":         {strings.Repeat(" ", 500) + long + strings.Repeat(" ", 500) + "\na", []string{long, "a"}, []int{1, 2}},
		"too long":                 {long + "xy\na", []string{long + "x", "a"}, []int{1, 2}},
		"far too long":             {"a" + strings.Repeat(" ", 1<<20) + "b\nc", []string{"a" + strings.Repeat(" ", directory.MaxPath), "c"}, []int{1, 2}},
		"far too long, at the end": {strings.Repeat("é", 1<<20), []string{strings.Repeat("é", directory.MaxPath)[:directory.MaxPath+1]}, []int{1}},
	} {
		paths, numbers, err := newPathReader(strings.NewReader(c.text)).next(10)
		if err != nil || !slices.Equal(paths, c.paths) || !slices.Equal(numbers, c.numbers) {
			t.Errorf("%s: %.100q at %v, %v; want %.100q at %v", name, paths, numbers, err, c.paths, c.numbers)
		}
	}
}

func TestPathsComeInBlocks(t *testing.T) {
	t.Parallel()
	r := newPathReader(iotest.OneByteReader(strings.NewReader("a\n\nb\nc\n")))
	for _, want := range [][]string{{"a", "b"}, {"c"}, nil} {
		if got, _, err := r.next(2); err != nil || !slices.Equal(got, want) {
			t.Errorf("a block of %q, %v; want %q", got, err, want)
		}
	}
	broken := errors.New("the disk is gone")
	r = newPathReader(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)))
	if _, _, err := r.next(9); !errors.Is(err, broken) {
		t.Errorf("a file that cannot be read further: %v", err)
	}
}
