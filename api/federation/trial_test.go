package federation_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/api/federation"
)

func TestReadUser(t *testing.T) {
	t.Parallel()
	profile := muster.DefaultFederationProfile()
	row, verdict, err := federation.ReadUser([]byte(`{"action":"MODIFY","userAccount":"ann.b","email":null,"roleIds":[]}`), &profile)
	want := &muster.Row{Action: muster.ActionUpdate, Set: muster.FieldAccount | muster.FieldRoles, Account: "ann.b"}
	if diff := cmp.Diff(want, row); diff != "" || verdict != (federation.Verdict{}) || err != nil {
		t.Errorf("verdict %v, error %v, row (-want +got):\n%s", verdict, err, diff)
	}
	row, verdict, err = federation.ReadUser([]byte(`{"action":"create","userAccount":"ann.b"}`), &profile)
	if row != nil || verdict.Code != "100-104" || !strings.Contains(verdict.Message, "CREATE, MODIFY, or DISABLE") || err != nil {
		t.Errorf("row %v, verdict %v, error %v; want code 100-104", row, verdict, err)
	}
	profile.Limits.Account = 3
	if _, verdict, _ = federation.ReadUser([]byte(`{"action":"DISABLE","userAccount":"ann.b"}`), &profile); verdict.Code != "100-205" {
		t.Errorf("verdict %v by the tenant's limit, want 100-205", verdict)
	}
	for _, text := range []string{``, `1`, `{"action":`, `{"action":1}`, `{"action":"DISABLE"},{"action":"DISABLE"`} {
		if row, verdict, err := federation.ReadUser([]byte(text), &profile); err == nil && verdict.Code == "" {
			t.Errorf("%s is read as %+v", text, row)
		}
	}
}

func TestVerdictOf(t *testing.T) {
	t.Parallel()
	for want, o := range map[federation.Verdict]muster.Outcome{
		{}: {Result: muster.Succeeded},
		{Code: "60101060003", Message: "The mapping fails."}:                                           {Result: muster.Failed, Reason: muster.ReasonNotAdmitted},
		{Code: "60101030013", Message: "The transferred role ID 6009 does not exist in the database."}: {Result: muster.Failed, Reason: muster.ReasonRoleNotFound, Detail: "6009"},
	} {
		if got := federation.VerdictOf(&o); got != want {
			t.Errorf("verdict %v, want %v", got, want)
		}
	}
}
