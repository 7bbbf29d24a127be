package provision

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/secret"
)

// sentBefore are the rows of the golden encodings below.
func sentBefore() []muster.Row {
	return []muster.Row{
		{
			Action: muster.ActionCreate, Set: muster.FieldFirstName | muster.FieldSurname | muster.FieldPhone | muster.FieldEmail | muster.FieldPassword,
			Phone: "+27 100000001", Email: "Ann@example.org", FirstName: "Ann", Surname: "Example", Password: "Correct-Horse7",
		},
		{
			Action: muster.ActionUpdate, Set: muster.FieldAccount | muster.FieldDisplayName | muster.FieldRoles,
			Account: "bo.example", DisplayName: "Bo 例", Roles: []string{"1505084218764547200", ""},
		},
		{Action: muster.ActionCreate, Fault: &muster.Fault{Reason: muster.ReasonInvalid, Field: "phone", Detail: "phone must be a string."}},
	}
}

// What the program wrote when a row was an array of 13 fields.
const (
	payloadBefore = "838d01185e606d2b3237203130303030303030316f416e6e406578616d706c652e6f726763416e6e674578616d706c65606e436f72726563742d" +
		"486f72736537f60060608d021904216a626f2e6578616d706c656060606066426f20e4be8b60827331353035303834323138373634353437323030600060608d01" +
		"0060606060606060f6036570686f6e657770686f6e65206d757374206265206120737472696e672e"
	keptBefore = "83831829782e246172676f6e32696424763d3139246d3d36342c743d312c703d31246332467364484e68624851246147467a61418d01185e606d2b32" +
		"37203130303030303030316f416e6e406578616d706c652e6f726763416e6e674578616d706c656060f600606083182a782e246172676f6e32696424763d313924" +
		"6d3d36342c743d312c703d31246332467364484e68624851246147467a61418d021904216a626f2e6578616d706c656060606066426f20e4be8b60827331353035" +
		"3038343231383736343534373230306000606083182b782e246172676f6e32696424763d3139246d3d36342c743d312c703d31246332467364484e686248512461" +
		"47467a61418d010060606060606060f6036570686f6e657770686f6e65206d757374206265206120737472696e672e"
)

func chunkOf(rows int) *muster.Chunk {
	return &muster.Chunk{Tenant: 1, Batch: 2, FirstRow: 41, Rows: rows}
}

func seal(t *testing.T, key *secret.DataKey, golden string, binding []byte) []byte {
	t.Helper()
	plain, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	return key.Seal(nil, plain, binding)
}

func rowOf(kept map[int]keptRecord, row int) muster.Row {
	rec := kept[row]
	return rec.Sent.row()
}

// A server that is upgraded finishes what it accepted before.
func TestRowsSealedByAnOlderVersionOpen(t *testing.T) {
	t.Parallel()
	key := secret.NewDataKey()
	defer key.Wipe()
	c := chunkOf(3)
	c.Payload = seal(t, key, payloadBefore, payloadBinding(c))
	rows, err := openRows(key, c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sentBefore(), rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestRowsKeptByAnOlderVersionOpen(t *testing.T) {
	t.Parallel()
	key := secret.NewDataKey()
	defer key.Wipe()
	c := chunkOf(3)
	rows := map[int]keptRecord{}
	if err := openKept(key, &KeptBlock{Chunk: *c, Sealed: seal(t, key, keptBefore, keptBinding(c))}, rows); err != nil {
		t.Fatal(err)
	}
	for i, want := range sentBefore() {
		want.Password = ""
		if diff := cmp.Diff(want, rowOf(rows, 41+i)); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
	}
}

// Every field of a row comes back, from the payload and, but for the password and a hash of it, from what is kept.
func TestRowsComeBackWhole(t *testing.T) {
	t.Parallel()
	sent := append(sentBefore(), muster.Row{
		Action: muster.ActionCreate, Set: muster.FieldDepartment | muster.FieldCapacity | muster.FieldLevel,
		Department: 1505084218764547200, DepartmentPath: "Sales/North", Allocate: true, CapacityGB: 1_048_576,
		Level: muster.LevelManager, Match: muster.KeyEmail, OnExisting: muster.FailExisting,
		PasswordHash: "$1$a$TYcRT0JumNkKBBlirG1X4/", ID: 1505084218764547201, Touch: muster.FieldLevel | muster.FieldRoles,
		Source: "hr", Adopt: true, Disabled: true,
	})
	key := secret.NewDataKey()
	defer key.Wipe()
	c := chunkOf(len(sent))
	if err := sealRows(key, c, sent); err != nil {
		t.Fatal(err)
	}
	rows, err := openRows(key, c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sent, rows); diff != "" {
		t.Errorf("rows (-sent +opened):\n%s", diff)
	}
	outcomes := make([]muster.Outcome, len(sent))
	for i := range outcomes {
		outcomes[i] = muster.Outcome{Row: c.FirstRow + i, Result: muster.Failed}
	}
	sealed, err := sealKept(key, c, sent, make([]muster.Entry, len(sent)), outcomes)
	if err != nil {
		t.Fatal(err)
	}
	kept := map[int]keptRecord{}
	if err := openKept(key, &KeptBlock{Chunk: *c, Sealed: sealed}, kept); err != nil {
		t.Fatal(err)
	}
	for i := range sent {
		want := sent[i]
		want.Password, want.PasswordHash = "", ""
		if diff := cmp.Diff(want, rowOf(kept, c.FirstRow+i)); diff != "" {
			t.Errorf("kept row %d (-want +got):\n%s", i, diff)
		}
	}
}

// What is no row of either length is an error, and never a row without its fields.
func TestRowsOfAnotherShapeDoNotOpen(t *testing.T) {
	t.Parallel()
	const first11 = "0000" + "60606060606060" + "f600" // action, set, seven texts, roles, reason
	for name, plain := range map[string]string{
		"12 fields":       "818c" + first11 + "60",
		"15 fields":       "818f" + first11 + "6060" + "a000",
		"a map":           "81a0",
		"a text as an id": "818e" + first11 + "6060" + "a1016161",
	} {
		key := secret.NewDataKey()
		c := chunkOf(1)
		c.Payload = seal(t, key, plain, payloadBinding(c))
		if rows, err := openRows(key, c); err == nil {
			t.Errorf("%s opens as %+v", name, rows)
		}
		key.Wipe()
	}
}
