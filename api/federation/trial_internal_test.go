package federation

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
)

func TestReadUser(t *testing.T) {
	t.Parallel()
	profile := muster.DefaultFederationProfile()
	row, said, err := readUser([]byte(`{"action":"MODIFY","userAccount":"ann.b","email":null,"roleIds":[]}`), &profile)
	want := &muster.Row{Action: muster.ActionUpdate, Set: muster.FieldAccount | muster.FieldRoles, Account: "ann.b"}
	if diff := cmp.Diff(want, row); diff != "" || said != (verdict{}) || err != nil {
		t.Errorf("verdict %v, error %v, row (-want +got):\n%s", said, err, diff)
	}
	row, said, err = readUser([]byte(`{"action":"create","userAccount":"ann.b"}`), &profile)
	if row != nil || said.code != "100-104" || !strings.Contains(said.message, "CREATE, MODIFY, or DISABLE") || err != nil {
		t.Errorf("row %v, verdict %v, error %v; want code 100-104", row, said, err)
	}
	profile.Limits.Account = 3
	if _, said, _ = readUser([]byte(`{"action":"DISABLE","userAccount":"ann.b"}`), &profile); said.code != "100-205" {
		t.Errorf("verdict %v by the tenant's limit, want 100-205", said)
	}
	for _, text := range []string{``, `1`, `{"action":`, `{"action":1}`, `{"action":"DISABLE"},{"action":"DISABLE"`} {
		if row, said, err := readUser([]byte(text), &profile); err == nil && said.code == "" {
			t.Errorf("%s is read as %+v", text, row)
		}
	}
}

func TestVerdictOf(t *testing.T) {
	t.Parallel()
	for want, o := range map[verdict]muster.Outcome{
		{}: {Result: muster.Succeeded},
		{code: "60101060003", message: "The mapping fails."}:                                           {Result: muster.Failed, Reason: muster.ReasonNotAdmitted},
		{code: "60101030013", message: "The transferred role ID 6009 does not exist in the database."}: {Result: muster.Failed, Reason: muster.ReasonRoleNotFound, Detail: "6009"},
	} {
		if got := verdictOf(&o); got != want {
			t.Errorf("verdict %v, want %v", got, want)
		}
	}
}
