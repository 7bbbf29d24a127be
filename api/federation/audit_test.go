package federation_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"muster"
	"muster/provision"
)

// carried is an engine that keeps the record with which a task would be stored.
type carried struct {
	*engine
	record muster.AuditRecord
}

func (c *carried) Submit(ctx context.Context, s provision.Submission) (provision.Receipt, error) {
	if a := muster.AuditOf(ctx); a != nil {
		c.record = a.Record
	}
	return c.engine.Submit(ctx, s)
}

func TestTasksAreRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := &carried{engine: b.engine}
	b.handler = b.newHandler(c)
	if answer := b.do(b.request(createPath, documented)); answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d", answer.StatusCode)
	}
	want := muster.AuditRecord{Tenant: b.tenant.ID, AppID: appKey, From: "192.0.2.1", Action: "create-batch"}
	if diff := cmp.Diff(want, c.record, cmpopts.IgnoreFields(muster.AuditRecord{}, "ID")); diff != "" || c.record.ID == 0 {
		t.Errorf("record of id %s (-want +got):\n%s", c.record.ID, diff)
	}
}
