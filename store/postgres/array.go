package postgres

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// arrayCodec encodes the lists that statements have as arguments. pgx takes each element as a value of an unknown type; here
// they are written one behind the other.
type arrayCodec struct{ *pgtype.ArrayCodec }

// registerArrays makes a connection encode lists by arrayCodec.
func registerArrays(_ context.Context, c *pgx.Conn) error {
	types := c.TypeMap()
	for _, oid := range []uint32{pgtype.TextArrayOID, pgtype.Int8ArrayOID, pgtype.Int4ArrayOID, pgtype.Int2ArrayOID} {
		if known, ok := types.TypeForOID(oid); ok {
			if codec, ok := known.Codec.(*pgtype.ArrayCodec); ok {
				types.RegisterType(&pgtype.Type{Name: known.Name, OID: oid, Codec: arrayCodec{codec}})
			}
		}
	}
	return nil
}

// PlanEncode is [pgtype.Codec.PlanEncode].
func (c arrayCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	element := c.ElementType.OID
	if format == pgtype.BinaryFormatCode {
		switch value.(type) {
		case []string:
			return listPlan[string]{element, 16, func(b []byte, s string) []byte { return append(appendLength(b, len(s)), s...) }}
		case []int64:
			return listPlan[int64]{element, 12, func(b []byte, n int64) []byte { return binary.BigEndian.AppendUint64(appendLength(b, 8), uint64(n)) }}
		case []int32:
			return listPlan[int32]{element, 8, func(b []byte, n int32) []byte { return binary.BigEndian.AppendUint32(appendLength(b, 4), uint32(n)) }}
		case []int16:
			return listPlan[int16]{element, 6, func(b []byte, n int16) []byte { return binary.BigEndian.AppendUint16(appendLength(b, 2), uint16(n)) }}
		}
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

func appendLength(b []byte, n int) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }

const arrayHead = 20 // bytes

// listPlan writes a list in the binary form of an array (array_recv in PostgreSQL's arrayfuncs.c): one dimension, no NULLs.
type listPlan[T any] struct {
	element uint32 // the type's OID
	size    int    // of an element, about
	add     func(b []byte, element T) []byte
}

func (p listPlan[T]) Encode(value any, b []byte) ([]byte, error) {
	list := value.([]T)
	b = slices.Grow(b, arrayHead+p.size*len(list))
	for _, n := range [...]uint32{1, 0, p.element, uint32(len(list)), 1} { // dimensions, flags, type, length, lower bound
		b = binary.BigEndian.AppendUint32(b, n)
	}
	for _, element := range list {
		b = p.add(b, element)
	}
	return b, nil
}
