package koodrive

import (
	"context"
	"strconv"

	"muster"
	"muster/access/signature"
)

const (
	maxPage     = 1000 // rows (KooDrive contract, section 2)
	defaultPage = 1000
)

// get is GET /user/batchRegister/get (KooDrive contract, section 2). Its data is the task and a page of its rows.
func (h *Handler) get(ctx context.Context, r *request) ([]byte, error) {
	q, err := parseQuery(r.query)
	if err != nil {
		return nil, err
	}
	page, err := h.Reader.BatchPage(ctx, r.Tenant.ID, q.task, muster.ContractKooDrive, q.from, q.limit)
	if err != nil {
		return nil, err
	}
	return appendPage(page, r.tongue), nil
}

type query struct {
	task        muster.ID
	from, limit int
}

func parseQuery(given signature.Query) (query, error) {
	values, err := parameters(given, "taskId", "cursor", "pageSize")
	if err != nil {
		return query{}, err
	}
	task, cursor, size := values[0], values[1], values[2]
	q := query{limit: defaultPage}
	if task == "" {
		return query{}, badParameter("taskId is missing; the id that create answered is accepted.")
	}
	if q.task, err = muster.ParseID(task); err != nil {
		return query{}, badParameter("taskId must be the id that create answered, a decimal number of 1 to 19 digits.")
	}
	var ok bool
	if q.from, ok = parseCursor(q.task, cursor); !ok {
		return query{}, badParameter("cursor must be the nextPageCursor of an answer for the same task, or 0 for the first page.")
	}
	if _, there, _ := given.Single("pageSize"); there {
		n, err := strconv.ParseUint(size, 10, 16)
		if err != nil || n < 1 || n > maxPage {
			return query{}, badParameter("pageSize must be from 1 to %d.", maxPage)
		}
		q.limit = int(n)
	}
	return q, nil
}

// The statuses of a task (KooDrive contract, section 2, "decided").
const (
	statusWaiting  = "0"
	statusRunning  = "1"
	statusFinished = "2"
)

func statusOf(b *muster.Batch) string {
	switch {
	case b.Finished():
		return statusFinished
	case b.Decided() == 0:
		return statusWaiting
	default:
		return statusRunning
	}
}

// appendPage writes the data of get, with the keys in the order of the contract's example.
func appendPage(p *muster.BatchPage, t tongue) []byte {
	const head, row = 256, 192 // bytes, about
	b := make([]byte, 0, head+len(p.Outcomes)*row)
	b = append(b, `{"taskInfo":{"taskId":`...)
	b = appendID(b, p.Batch.ID)
	b = append(b, `,"status":"`+statusOf(&p.Batch)+`"`...)
	for _, count := range [...]struct {
		name string
		n    int
	}{
		{"totalCount", p.Batch.Total},
		{"successCount", p.Batch.Succeeded},
		{"failCount", p.Batch.Failed},
		{"skipCount", p.Batch.Skipped},
	} {
		b = append(b, `,"`+count.name+`":`...)
		b = strconv.AppendInt(b, int64(count.n), 10)
	}
	b = append(b, `},"registerList":[`...)
	for i := range p.Outcomes {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendRow(b, &p.Outcomes[i], t)
	}
	b = append(b, ']')
	if next, more := p.Next(); more {
		b = append(b, `,"nextPageCursor":`...)
		b = appendString(b, formatCursor(p.Batch.ID, next))
	}
	b = append(b, `,"code":0,"msg":`...)
	b = appendString(b, t.say("success")) // in lower case here, by the contract's example
	return append(b, '}')
}

func appendRow(b []byte, o *muster.Outcome, t tongue) []byte {
	b = append(b, `{"id":`...)
	b = appendID(b, o.ID)
	if o.User != 0 {
		b = append(b, `,"userId":`...)
		b = appendID(b, o.User)
	}
	b = append(b, `,"phone":`...)
	b = appendString(b, o.Subject)
	if o.Result != muster.Succeeded {
		code, reason := codeOf(o, t)
		b = append(b, `,"code":`...)
		b = appendString(b, code)
		b = append(b, `,"reason":`...)
		b = appendString(b, reason)
	}
	return append(b, '}')
}

// appendID appends an id as a string, since a JavaScript number loses the last digits.
func appendID(b []byte, id muster.ID) []byte {
	b = append(b, '"')
	b = strconv.AppendInt(b, int64(id), 10)
	return append(b, '"')
}
