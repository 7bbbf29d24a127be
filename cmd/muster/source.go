package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"
)

// source is a file that is looked at and then sent. A stream, which can be read once, remembers what was looked at.
type source struct {
	name   string
	stream *tape                       // nil for a file that can be read again
	size   int64                       // bytes of such a file
	array  bool                        // a JSON array, whose elements are sent a line each
	broken *atomic.Pointer[arrayError] // what was wrong with the array where it was read
}

// openSource opens the file of a name, where - is stdin. It is a JSON array if that is known, or if it begins like one.
func openSource(name string, array bool, stdin io.Reader) (s source, err error) {
	s = source{name: name, array: array, broken: &atomic.Pointer[arrayError]{}}
	if name == "-" {
		s.stream = &tape{rest: stdin}
	} else {
		info, err := os.Stat(name)
		if err != nil {
			return s, err
		}
		if s.size = info.Size(); !info.Mode().IsRegular() { // a named pipe, or <(command) in a shell
			f, err := os.Open(name)
			if err != nil {
				return s, err
			}
			s.stream = &tape{rest: f} // which the process's end closes
		}
	}
	if s.array {
		return s, nil
	}
	beginning, err := s.raw()
	if err != nil {
		return s, err
	}
	defer closing(beginning.Close, &err)
	s.array, err = beginsArray(bufio.NewReader(beginning))
	return s, err
}

// raw gives the bytes from the beginning, to be looked at.
func (s *source) raw() (io.ReadCloser, error) {
	if s.stream != nil {
		return io.NopCloser(&tapeReader{tape: s.stream}), nil
	}
	return os.Open(s.name)
}

// peek gives what would be sent, from the beginning, to be looked at.
func (s *source) peek() (io.ReadCloser, error) {
	raw, err := s.raw()
	if err != nil || !s.array {
		return raw, err
	}
	return newArrayLines(raw, s.broken), nil
}

// maxStream is the most bytes of a stream that are kept, since a signature wants it to be read twice.
const maxStream = 64 << 20

// body is what is sent. Of a stream there is one, after it was looked at; if it is to be signed it has to fit into memory.
func (s *source) body(signed bool) (requestBody, error) {
	if s.stream == nil {
		b := requestBody{open: s.peek, size: s.size}
		if s.array {
			b.size = -1
		}
		return b, nil
	}
	rest := s.stream.rewound()
	if !signed {
		return requestBody{open: func() (io.ReadCloser, error) { return s.sent(rest), nil }, size: -1, once: true}, nil
	}
	all, err := io.ReadAll(io.LimitReader(s.sent(rest), maxStream+1))
	switch {
	case err != nil:
		return requestBody{}, fileError(err)
	case len(all) > maxStream:
		return requestBody{}, usagef("file: a request is signed as a whole, so of standard input at most %d MiB are accepted: write it to a file", maxStream>>20)
	}
	return bytesBody(all), nil
}

// sent is raw as it is sent.
func (s *source) sent(raw io.Reader) io.ReadCloser {
	if s.array {
		return newArrayLines(io.NopCloser(raw), s.broken)
	}
	return io.NopCloser(raw)
}

// tape remembers what was read of a stream.
type tape struct {
	rest io.Reader
	read []byte
}

// rewound gives the whole stream, and remembers no more of it. It is called once, at the end.
func (t *tape) rewound() io.Reader {
	read := t.read
	t.read = nil
	return io.MultiReader(bytes.NewReader(read), t.rest)
}

// tapeReader reads a tape from its beginning.
type tapeReader struct {
	tape *tape
	at   int
}

func (r *tapeReader) Read(p []byte) (int, error) {
	if r.at == len(r.tape.read) {
		n, err := r.tape.rest.Read(p)
		r.tape.read = append(r.tape.read, p[:n]...)
		r.at += n
		return n, err
	}
	n := copy(p, r.tape.read[r.at:])
	r.at += n
	return n, nil
}

// byteOrderMark is what some programs put in front of UTF-8.
const byteOrderMark = "\ufeff"

// beginsArray reports whether a text in UTF-8 begins with a bracket, as a JSON array does.
func beginsArray(text *bufio.Reader) (bool, error) {
	skipMark(text)
	for range 4 << 10 { // further off than any text begins
		c, err := text.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, err
		case c == ' ', c == '\t', c == '\r', c == '\n':
		default:
			return c == '[', nil
		}
	}
	return false, nil
}

func skipMark(text *bufio.Reader) {
	if front, err := text.Peek(len(byteOrderMark)); err == nil && string(front) == byteOrderMark {
		_, _ = text.Discard(len(byteOrderMark))
	}
}

// arrayError is what is wrong with a JSON array as a whole.
type arrayError struct{ error }

func (e *arrayError) Unwrap() error { return e.error }

// arrayLines gives the elements of a JSON array as lines, in the memory of one. What is wrong with an element alone is
// left for whoever reads the lines.
type arrayLines struct {
	io.Closer
	decoder *jsontext.Decoder
	begun   bool
	rows    int
	line    []byte // that was not given yet
	err     error
	broken  *atomic.Pointer[arrayError] // where an error is told, too
}

func newArrayLines(array io.ReadCloser, broken *atomic.Pointer[arrayError]) *arrayLines {
	text := bufio.NewReader(array)
	skipMark(text)
	return &arrayLines{Closer: array, broken: broken, decoder: jsontext.NewDecoder(text, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
}

func (a *arrayLines) Read(p []byte) (int, error) {
	for len(a.line) == 0 {
		if a.err == nil {
			a.err = a.next()
			var wrong *arrayError
			if errors.As(a.err, &wrong) {
				a.broken.Store(wrong)
			}
		}
		if a.err != nil {
			return 0, a.err
		}
	}
	n := copy(p, a.line)
	a.line = a.line[n:]
	return n, nil
}

// next reads an element. At the end of a sound array it gives io.EOF.
func (a *arrayLines) next() error {
	if !a.begun {
		a.begun = true
		if t, err := a.decoder.ReadToken(); err != nil || t.Kind() != jsontext.KindBeginArray {
			return &arrayError{errors.New("it is no JSON array")}
		}
	}
	if a.decoder.PeekKind() == jsontext.KindEndArray {
		_, _ = a.decoder.ReadToken() // which was seen
		if _, err := a.decoder.ReadToken(); !errors.Is(err, io.EOF) {
			return &arrayError{errors.New("something follows the JSON array")}
		}
		return io.EOF
	}
	value, err := a.decoder.ReadValue()
	if err == nil {
		err = value.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	}
	if err != nil {
		return &arrayError{fmt.Errorf("element %d of the JSON array: %w", a.rows+1, err)}
	}
	a.rows++
	a.line = append(value, '\n')
	return nil
}
