package postgres

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"pgregory.net/rapid"
)

// sent gives a list as the server got it.
func sent[T any](t *testing.T, c *pgx.Conn, of string, list []T) (got []T) {
	t.Helper()
	if err := c.QueryRow(t.Context(), "SELECT $1::"+of+"[]", list).Scan(&got); err != nil {
		t.Fatalf("%v: %v", list, err)
	}
	return got
}

func TestListsArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	pooled, err := open(t, database(t), Options{}).pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer pooled.Release()
	c := pooled.Conn()
	for _, list := range [][]string{{}, {""}, {"Ada", "", "a,b{}\"\\", "𝔘"}, make([]string, 1000)} {
		if diff := cmp.Diff(list, sent(t, c, "text", list)); diff != "" {
			t.Errorf("texts (-sent +arrived):\n%s", diff)
		}
	}
	for _, list := range [][]int64{{}, {0, -1, math.MaxInt64, math.MinInt64}} {
		if diff := cmp.Diff(list, sent(t, c, "bigint", list)); diff != "" {
			t.Errorf("bigints (-sent +arrived):\n%s", diff)
		}
	}
	for _, list := range [][]int32{{}, {0, -1, math.MaxInt32, math.MinInt32}} {
		if diff := cmp.Diff(list, sent(t, c, "integer", list)); diff != "" {
			t.Errorf("integers (-sent +arrived):\n%s", diff)
		}
	}
	for _, list := range [][]int16{{}, {0, -1, math.MaxInt16, math.MinInt16}} {
		if diff := cmp.Diff(list, sent(t, c, "smallint", list)); diff != "" {
			t.Errorf("smallints (-sent +arrived):\n%s", diff)
		}
	}
	for _, list := range [][]bool{{}, {true, false}} {
		if diff := cmp.Diff(list, sent(t, c, "boolean", list)); diff != "" {
			t.Errorf("booleans (-sent +arrived):\n%s", diff)
		}
	}
	var none *string
	if got := sent(t, c, "text", []*string{none}); len(got) != 1 || got[0] != nil {
		t.Errorf("a list of what is none of ours arrives as %v", got)
	}
}

// TestListsAreEncodedAsEver compares with pgx.
func TestListsAreEncodedAsEver(t *testing.T) {
	t.Parallel()
	theirs := pgtype.NewMap()
	rapid.Check(t, func(t *rapid.T) {
		for oid, list := range map[uint32]any{
			pgtype.TextArrayOID: rapid.SliceOfN(rapid.String(), 1, 9).Draw(t, "texts"),
			pgtype.Int8ArrayOID: rapid.SliceOfN(rapid.Int64(), 1, 9).Draw(t, "bigints"),
			pgtype.Int4ArrayOID: rapid.SliceOfN(rapid.Int32(), 1, 9).Draw(t, "integers"),
			pgtype.Int2ArrayOID: rapid.SliceOfN(rapid.Int16(), 1, 9).Draw(t, "smallints"),
		} {
			want, err := theirs.Encode(oid, pgtype.BinaryFormatCode, list, nil)
			if err != nil {
				t.Fatal(err)
			}
			known, _ := theirs.TypeForOID(oid)
			ours := arrayCodec{known.Codec.(*pgtype.ArrayCodec)}.PlanEncode(theirs, oid, pgtype.BinaryFormatCode, list)
			got, err := ours.Encode(list, []byte("before"))
			if err != nil || !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Errorf("%v is encoded as %x, %v, want %x", list, got, err, want)
			}
		}
	})
}
