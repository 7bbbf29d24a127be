package secret

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"runtime"
)

// Binding encodes what sealed data belongs to, for use as additional data: a purpose and the ids that lead to the place.
// No two different arguments have the same encoding: the purpose's length comes first, and each id takes 8 bytes.
func Binding(purpose string, ids ...int64) []byte {
	b := make([]byte, 0, binary.MaxVarintLen64+len(purpose)+8*len(ids))
	b = binary.AppendUvarint(b, uint64(len(purpose)))
	b = append(b, purpose...)
	for _, id := range ids {
		b = binary.BigEndian.AppendUint64(b, uint64(id))
	}
	return b
}

// Wipe overwrites b with zeros. It is for buffers that held a key or a password and are not needed any more.
func Wipe(b []byte) {
	clear(b)
	runtime.KeepAlive(&b)
}

const hidden = "[secret]"

// opaque, embedded, makes a type print as [secret] whatever the verb, so that no key reaches a log by way of a struct
// that holds it.
type opaque struct{}

func (opaque) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hidden) }

func (opaque) LogValue() slog.Value { return slog.StringValue(hidden) }
