package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// maxBuffered is how much is kept in memory of a file that can be read only once, to be signed before it is sent.
const maxBuffered = 64 << 20

// sendFile sends a file as a body, and reads the answer into out. A file that can be read again is sent again as Do sends requests
// again; n must be safe to repeat.
func (c *Client) sendFile(ctx context.Context, n nativeCall, file io.Reader, out any) error {
	body, err := c.bodyOf(file)
	if err != nil {
		return err
	}
	r := Request{Method: n.method, Target: c.nativeTarget(n.path, n.query), Header: n.header.Clone()}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	r.Header.Set("Expect", "100-continue") // who is refused need not send it
	var sum [sha256.Size]byte
	if !c.unsigned() {
		if sum, err = body.sum(); err != nil {
			return err
		}
		r.Header.Set("X-Sdk-Content-Sha256", hex.EncodeToString(sum[:])) // the server begins to take it in before it has seen its end
	}
	signed, err := c.signSum(ctx, r, sum)
	if err != nil {
		return err
	}
	attempt := func() (*Response, error) { return c.sendOnce(ctx, signed, body) }
	var answer *Response
	if body.seeker != nil {
		answer, err = c.persist(ctx, false, attempt)
	} else if answer, err = attempt(); err != nil {
		err = fmt.Errorf("client: %w", err)
	}
	switch {
	case err != nil:
		return err
	case answer.Status >= http.StatusMultipleChoices:
		return problemOf(answer.Status, answer.Header, answer.Body)
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		return fmt.Errorf("client: %w: %w", errAnswer, err)
	}
	return nil
}

func (c *Client) sendOnce(ctx context.Context, signed *http.Request, body *fileBody) (*Response, error) {
	reader, err := body.begin()
	if err != nil {
		return nil, err
	}
	defer reader.end()
	req := signed.Clone(ctx)
	req.Body, req.ContentLength = reader, body.size
	answer, err := c.patient().Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return readAnswer(answer)
}

// fileBody is a file that is sent.
type fileBody struct {
	reader io.Reader
	seeker io.Seeker // nil: it can be read once
	start  int64
	size   int64 // -1: not known
}

// bodyOf finds out how a file can be read. A client that signs has to read it before it sends it, so that one which can be read
// once is kept in memory, up to a limit.
func (c *Client) bodyOf(file io.Reader) (*fileBody, error) {
	if seeker, ok := file.(io.Seeker); ok {
		start, err := seeker.Seek(0, io.SeekCurrent)
		if err == nil { // a pipe is an os.File, too, and cannot
			end, err := seeker.Seek(0, io.SeekEnd)
			if err != nil {
				return nil, fmt.Errorf("client: the file: %w", err)
			}
			return &fileBody{reader: file, seeker: seeker, start: start, size: end - start}, nil
		}
	}
	if c.unsigned() {
		return &fileBody{reader: file, size: -1}, nil
	}
	content, err := io.ReadAll(io.LimitReader(file, maxBuffered+1))
	if err != nil {
		return nil, fmt.Errorf("client: the file: %w", err)
	}
	if len(content) > maxBuffered {
		return nil, fmt.Errorf("client: what can be read only once is kept in memory to be signed, at most %d MiB of it: give a file", maxBuffered>>20)
	}
	reader := bytes.NewReader(content)
	return &fileBody{reader: reader, seeker: reader, size: int64(len(content))}, nil
}

// sum is the hash of the file.
func (f *fileBody) sum() (sum [sha256.Size]byte, err error) {
	reader, err := f.begin()
	if err != nil {
		return sum, err
	}
	defer reader.end()
	h := sha256.New()
	if _, err := io.Copy(h, reader); err != nil {
		return sum, fmt.Errorf("client: the file: %w", err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// begin reads the file from its beginning.
func (f *fileBody) begin() (*filePass, error) {
	if f.seeker == nil {
		return &filePass{r: f.reader}, nil
	}
	if _, err := f.seeker.Seek(f.start, io.SeekStart); err != nil {
		return nil, fmt.Errorf("client: the file: %w", err)
	}
	return &filePass{r: io.LimitReader(f.reader, f.size)}, nil
}

// filePass is one reading of a file. net/http may go on with it for a while after an answer that came early; whoever reads the file
// next ends it first.
type filePass struct {
	mu   sync.Mutex
	r    io.Reader
	over bool
}

var errOver = errors.New("client: the file is read by a later attempt")

func (f *filePass) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return 0, errOver
	}
	return f.r.Read(p)
}

// Close leaves the file open, which is its caller's.
func (f *filePass) Close() error { return nil }

func (f *filePass) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
}
